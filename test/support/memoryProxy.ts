/** What is known about the LiteLLM proxy in memory. It always knows the present state, and asks nothing. */
import type { OrganizationsAnswer } from '../../shared/model/litellmProxy.ts';
import type { KnownProxy, ProxyState } from '../../shared/litellm/proxyState.ts';
import { isTestedVersion, isUnsafeVersion } from '../../shared/litellm/proxyVersion.ts';
import type { MemoryLitellm } from './memoryLitellm.ts';

export class MemoryProxy implements Pick<ProxyState, 'read' | 'noteOrganizations'> {
  /** What is known although it is not, or no longer, so. */
  overrides: Partial<KnownProxy> = {};
  /** What syncs noted, oldest first. */
  readonly noted: OrganizationsAnswer[] = [];
  readonly #litellm: MemoryLitellm;

  constructor(litellm: MemoryLitellm) {
    this.#litellm = litellm;
  }

  async read(): Promise<KnownProxy> {
    const { version, hasOrganizations, keyUserId } = this.#litellm;
    await Promise.resolve();
    return {
      ...(version === undefined ? {} : { version }),
      isTested: isTestedVersion(version),
      isUnsafe: isUnsafeVersion(version),
      ownUserId: keyUserId,
      organizations: hasOrganizations ? 'available' : 'unlicensed',
      ...this.overrides,
    };
  }

  async noteOrganizations(answer: OrganizationsAnswer): Promise<void> {
    this.noted.push(answer);
    await Promise.resolve();
  }
}

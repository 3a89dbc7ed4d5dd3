import type { LitellmClient } from '../../model/litellmPorts.ts';
import { PARKED_OWNER } from './decideKey.ts';

const ROLE = 'internal_user_viewer';

/** The user that owns parked keys. It has the lowest role, no address and no models, and it is inactive. */
export class ParkedOwner {
  readonly #litellm: Pick<LitellmClient, 'findUser' | 'createUser' | 'updateUser'>;
  #ensured: Promise<void> | undefined;

  constructor(litellm: Pick<LitellmClient, 'findUser' | 'createUser' | 'updateUser'>) {
    this.#litellm = litellm;
  }

  /** Makes sure that the user exists and can do nothing. One or two requests, once in a process. Throws what LiteLLM throws. */
  async ensure(): Promise<void> {
    this.#ensured ??= this.#ensure().catch((error: unknown) => {
      this.#ensured = undefined;
      throw error;
    });
    await this.#ensured;
  }

  async #ensure(): Promise<void> {
    const found = await this.#litellm.findUser(PARKED_OWNER);
    const values = { user_role: ROLE, models: ['no-default-models'] } as const;
    if (found === undefined) {
      await this.#litellm.createUser(PARKED_OWNER, values, { scim_active: false });
      return;
    }
    // A key acts with its owner's role, so nobody may have raised it.
    const isRight = found.role === ROLE && found.metadata['scim_active'] === false;
    if (isRight) return;
    const metadata = { ...found.metadata, scim_active: false };
    await this.#litellm.updateUser(PARKED_OWNER, { user_role: ROLE, metadata });
  }
}

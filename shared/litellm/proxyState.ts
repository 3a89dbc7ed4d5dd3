/** What is known about the LiteLLM proxy as a whole: its version, whether it has organizations, and whether a sync would work. */
import { AppError } from '../model/errors.ts';
import type { LitellmClient } from '../model/litellmPorts.ts';
import type { OrganizationsAnswer, ProxyCheck, ProxyReport, StoredProxy } from '../model/litellmProxy.ts';
import type { Clock } from '../model/ports.ts';
import type { ProxyRecord, ReadProxy } from '../storage/proxyRecord.ts';
import type { Store } from '../storage/store.ts';
import { isSafeId } from '../model/entities.ts';
import { KEY_USER_ID } from './differences.ts';
import { nextBelief } from './organizationsBelief.ts';
import { FREE_USERS, needsUserCount, reportProxy } from './proxyReport.ts';
import { isTestedVersion, isUnsafeVersion } from './proxyVersion.ts';

/** For so long this process uses what it read. */
const CACHED_MS = 60_000;
/** How often the version is read. An unsafe one is read more often, so that a replaced proxy is noticed. */
const VERSION_MAX_AGE_MS = 60 * 60_000;
const UNSAFE_VERSION_MAX_AGE_MS = 10 * 60_000;
/** Timers do not run to the second: without a tolerance, every other run would come too early. */
const TIMER_TOLERANCE_MS = 30_000;

/** What a sync needs to know about the proxy. */
export interface KnownProxy {
  /** Absent if the proxy names none: it then counts as old and as new. */
  readonly version?: string;
  readonly isTested: boolean;
  /** Nothing may be sent to this proxy. */
  readonly isUnsafe: boolean;
  /** The user who owns the key that this product calls with. It is never changed, and ignored in comparisons. */
  readonly ownUserId: string;
  /** `unclear`: the proxy contradicts what is believed, but not for long enough. What needs organizations waits. */
  readonly organizations: OrganizationsAnswer | 'unclear';
}

export interface ProxyStateDeps {
  /** A client that does not ask this state whether it may send. */
  readonly litellm: Pick<LitellmClient, 'findVersion' | 'findOwnUser' | 'checkRights' | 'countUsers'>;
  readonly record: Pick<ProxyRecord, 'read' | 'write'>;
  readonly users: Pick<Store['users'], 'find' | 'readPages'>;
  readonly clock: Clock;
}

/** Throws `litellm_version_unsafe` (retryable) if nothing may be sent to this proxy. */
export function requireSafe(proxy: Pick<KnownProxy, 'version' | 'isUnsafe'>): void {
  if (!proxy.isUnsafe) return;
  throw new AppError('litellm_version_unsafe', 'This version of LiteLLM must not be used.', {
    retryable: true,
    details: proxy.version === undefined ? {} : { version: proxy.version },
  });
}

/**
 * The state of one proxy, shared by all instances through one row. Its methods throw what the store throws. Instances that write
 * at the same time do no harm: one of them wins, and the other reads again.
 */
export class ProxyState {
  readonly #deps: ProxyStateDeps;
  #cached: { readonly read: ReadProxy; readonly atMs: number } | undefined;
  #reading: Promise<ReadProxy> | undefined;

  constructor(deps: ProxyStateDeps) {
    this.#deps = deps;
  }

  /**
   * Returns what is known. Costs nothing for 60 seconds, then one point read. Asks the proxy what was never read, and its version
   * and the key's owner once an hour. Throws LiteLLM's retryable errors if the proxy does not say what nobody knows yet.
   */
  async read(): Promise<KnownProxy> {
    const { proxy } = await this.#current();
    const { version, organizations } = proxy;
    return {
      ...(version === undefined ? {} : { version }),
      isTested: isTestedVersion(version),
      isUnsafe: isUnsafeVersion(version),
      ownUserId: proxy.ownUserId ?? KEY_USER_ID,
      organizations:
        organizations?.contrary === undefined ? (organizations?.believed ?? 'unclear') : 'unclear',
    };
  }

  /** Notes what a call about organizations showed. Costs nothing if it agrees with what is believed. */
  async noteOrganizations(answer: OrganizationsAnswer): Promise<void> {
    const known = await this.#current();
    if (this.#believe(known.proxy, answer) === known.proxy) return;
    const read = await this.#deps.record.read();
    const proxy = this.#believe(read.proxy, answer);
    if (proxy !== read.proxy) await this.#keep({ proxy, etag: read.etag });
  }

  /**
   * Checks whether a sync would work, with harmless reads: five for the rights, one for the number of users where that matters,
   * and two more once an hour. Sends nothing but the look for the version (each 10 minutes) to a proxy of an unsafe version.
   * Never throws an error of LiteLLM.
   */
  async check(): Promise<ProxyReport> {
    const read = await this.#deps.record.read();
    const proxy = await this.#checked(read.proxy);
    await this.#keep({ proxy, etag: read.etag });
    return reportProxy(proxy);
  }

  /** Returns the last check's report with one point read; `undefined` if there was none. Asks the proxy nothing. */
  async findReport(): Promise<ProxyReport | undefined> {
    const { proxy } = this.#fresh() ?? (await this.#deps.record.read());
    return proxy.check === undefined ? undefined : reportProxy(proxy);
  }

  #fresh(): ReadProxy | undefined {
    const cached = this.#cached;
    return cached !== undefined && this.#nowMs() - cached.atMs < CACHED_MS ? cached.read : undefined;
  }

  async #current(): Promise<ReadProxy> {
    const fresh = this.#fresh();
    if (fresh !== undefined) return fresh;
    // Callers that wait for the same thing share one read.
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readNow(): Promise<ReadProxy> {
    const read = await this.#deps.record.read();
    const proxy = await this.#completed(read.proxy);
    if (proxy !== read.proxy) return this.#keep({ proxy, etag: read.etag });
    this.#cached = { read, atMs: this.#nowMs() };
    return read;
  }

  /** Adds what a sync needs. Returns the same object if all of it is known. */
  async #completed(before: StoredProxy): Promise<StoredProxy> {
    let proxy = before;
    if (this.#isVersionDue(before)) {
      try {
        proxy = await this.#identified(before);
      } catch (error) {
        // What was known an hour ago is still the best guess. Whatever is sent next shows whether the proxy answers.
        if (before.versionReadAt === undefined || !(error instanceof AppError)) throw error;
      }
    }
    if (isUnsafeVersion(proxy.version) || proxy.organizations !== undefined) return proxy;
    const { hasOrganizations } = await this.#deps.litellm.checkRights();
    return this.#believe(proxy, hasOrganizations ? 'available' : 'unlicensed');
  }

  #isVersionDue({ version, versionReadAt }: StoredProxy): boolean {
    if (versionReadAt === undefined) return true;
    const maxAgeMs = isUnsafeVersion(version) ? UNSAFE_VERSION_MAX_AGE_MS : VERSION_MAX_AGE_MS;
    return Math.abs(this.#nowMs() - Date.parse(versionReadAt)) >= maxAgeMs - TIMER_TOLERANCE_MS;
  }

  /** Reads the version, and then, unless it is unsafe, who owns the key. */
  async #identified({ version: before, ownUserId, ...rest }: StoredProxy): Promise<StoredProxy> {
    const { litellm, clock } = this.#deps;
    const read = await findVersion(litellm);
    // A proxy that was unsafe and now names no version may still be the same.
    const version = read ?? (isUnsafeVersion(before) ? before : undefined);
    const versionReadAt = clock.now().toISOString();
    const isUnsafe = isUnsafeVersion(version);
    const owner = isUnsafe ? ownUserId : ((await litellm.findOwnUser()) ?? KEY_USER_ID);
    return {
      ...rest,
      ...(version === undefined ? {} : { version }),
      versionReadAt,
      ...(owner === undefined ? {} : { ownUserId: owner }),
    };
  }

  async #checked(before: StoredProxy): Promise<StoredProxy> {
    let proxy = before;
    const at = this.#deps.clock.now().toISOString();
    const end = async (found: Partial<ProxyCheck>): Promise<StoredProxy> => ({
      ...proxy,
      check: {
        at,
        ...found,
        isOwnUserClosed: await this.#isOwnUserClosed(proxy),
      },
    });
    try {
      if (this.#isVersionDue(before)) proxy = await this.#identified(before);
      requireSafe({ isUnsafe: isUnsafeVersion(proxy.version) });
      const { hasOrganizations } = await this.#deps.litellm.checkRights();
      proxy = this.#believe(proxy, hasOrganizations ? 'available' : 'unlicensed');
      return await end(needsUserCount(proxy) ? await this.#countUsers() : {});
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return end({ error: error.code });
    }
  }

  /** The people matter only before LiteLLM has as many users. So, most checks do not read them. */
  async #countUsers(): Promise<Pick<ProxyCheck, 'users' | 'people'>> {
    const users = await this.#deps.litellm.countUsers();
    if (users >= FREE_USERS) return { users };
    let people = 0;
    for await (const page of this.#deps.users.readPages()) {
      people += page.people.length;
      if (people > FREE_USERS) break;
    }
    return { users, people };
  }

  async #isOwnUserClosed({ ownUserId = KEY_USER_ID }: StoredProxy): Promise<boolean> {
    if (ownUserId === KEY_USER_ID || !isSafeId(ownUserId)) return false;
    const record = await this.#deps.users.find(ownUserId);
    return record?.user.active === false;
  }

  #believe(proxy: StoredProxy, answer: OrganizationsAnswer): StoredProxy {
    const about = { answer, now: this.#deps.clock.now(), version: proxy.version };
    const organizations = nextBelief(proxy.organizations, about);
    return organizations === proxy.organizations ? proxy : { ...proxy, organizations };
  }

  /** Writes the row. If another instance wrote first, its row counts, and the next read shows it. */
  async #keep(read: ReadProxy): Promise<ReadProxy> {
    const etag = await this.#deps.record.write(read);
    const kept = { proxy: read.proxy, etag: etag ?? read.etag };
    this.#cached = etag === undefined ? undefined : { read: kept, atMs: this.#nowMs() };
    return kept;
  }

  #nowMs(): number {
    return this.#deps.clock.now().getTime();
  }
}

/**
 * Returns the proxy's version; `undefined` if it names none, or cannot describe its API. Throws if nothing answers, because what
 * is not known must not count as safe.
 */
async function findVersion(litellm: Pick<LitellmClient, 'findVersion'>): Promise<string | undefined> {
  try {
    return await litellm.findVersion();
  } catch (error) {
    const status = error instanceof AppError ? error.details['status'] : undefined;
    if (error instanceof AppError && (status === 500 || error.code === 'litellm_answer_invalid'))
      return undefined;
    throw error;
  }
}

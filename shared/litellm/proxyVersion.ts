/** What is known about LiteLLM's versions as a whole. Pure. */

/** The first and the last version that this product was measured with (docs/litellm.md). */
export const TESTED_VERSIONS = { first: '1.80.0', last: '1.108.0' } as const;

/** 1.82.7 and 1.82.8 were compromised, and 1.107.0 was withdrawn. */
const UNSAFE_VERSIONS: ReadonlySet<string> = new Set(['1.82.7', '1.82.8', '1.107.0']);

/** From this version on, LiteLLM has no organizations without a licence. */
const ORGANIZATIONS_NEED_LICENCE_FROM = '1.102.0';

/** Returns major, minor and patch. What follows them (`-stable`, `.rc1`) does not count. */
function parseVersion(version: string): readonly number[] | undefined {
  const [, ...parts] = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?!\d)/.exec(version) ?? [];
  return parts.length === 0 ? undefined : parts.map(Number);
}

/**
 * Returns whether the version is at least the other one. Returns `undefined` if it is absent or isn't a version, because an unknown
 * version is neither old nor new.
 */
export function isAtLeast(version: string | undefined, least: string): boolean | undefined {
  const parts = parseVersion(version ?? '');
  const others = parseVersion(least);
  if (parts === undefined || others === undefined) return undefined;
  const index = parts.findIndex((part, at) => part !== others[at]);
  return index === -1 || (parts[index] ?? 0) > (others[index] ?? 0);
}

/** Returns whether the version lies in the tested range. An unknown version does not. */
export function isTestedVersion(version: string | undefined): boolean {
  const { first, last } = TESTED_VERSIONS;
  return isAtLeast(version, first) === true && (isAtLeast(version, last) === false || isSame(version, last));
}

/** Returns whether this version must not be used, whatever follows its number. */
export function isUnsafeVersion(version: string | undefined): boolean {
  return [...UNSAFE_VERSIONS].some((unsafe) => isSame(version, unsafe));
}

/** Returns whether organizations show that LiteLLM has a licence: before 1.102.0 they need none. */
export function organizationsShowLicence(version: string | undefined): boolean {
  return isAtLeast(version, ORGANIZATIONS_NEED_LICENCE_FROM) === true;
}

function isSame(version: string | undefined, other: string): boolean {
  return parseVersion(version ?? '')?.join('.') === other;
}

/**
 * The kinds of values and how to parse each from text. Uses `zod/mini` instead of `zod`: it does the same in a quarter of
 * the bytes, and every cold start loads this file.
 */
import { isGuid } from '../platform/isGuid.ts';
import * as z from 'zod/mini';
import {
  ALL_ORG_MODELS,
  ALL_TEAM_MODELS,
  GLOBAL_ROLES,
  type GlobalRole,
  isSafeId,
  NO_DEFAULT_MODELS,
} from '../model/entities.ts';
import { isStorageConnectionString } from './connectionString.ts';
import { frozenMap } from './freeze.ts';
import { findHiddenCharacter } from './hiddenCharacters.ts';
import { findBadKey } from './jsonKeys.ts';
import { findOrigin, findPlainUrl, isLoopback } from './loopback.ts';

/** Parses the text of one setting. */
export type ValueSchema<T> = z.ZodMiniType<T, string>;

/** LiteLLM's `duration_in_seconds`: a number with s, m, h, d, w or mo. Not all versions know words such as `daily`. */
const durationPattern = /^([1-9][0-9]{0,9})(s|m|h|d|w|mo)$/;
const secondsOf: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 7 * 86_400,
  mo: 30 * 86_400,
};
/** LiteLLM adds a duration to the present time, and Python's dates end with the year 9999. */
const longestDurationSeconds = 36_500 * 86_400;
/** The tenant of all personal Microsoft accounts, equal to the name `consumers`. */
const personalAccountsTenant = '9188040d-6c67-4c5b-b112-36a304b66dad';

/** Creates a schema from a function that returns undefined for invalid text. */
function readAs<T>(find: (text: string) => T | undefined): ValueSchema<T> {
  return z.pipe(
    z.string(),
    z.transform((text: string, context) => {
      const value = find(text);
      if (value !== undefined) return value;
      context.issues.push({ code: 'custom', input: text });
      return z.NEVER;
    }),
  );
}

/** Returns a GUID in lower case, as Entra writes it in tokens and answers. Returns other ids unchanged. */
function lowerCaseGuid(id: string): string {
  return isGuid(id) ? id.toLowerCase() : id;
}

/**
 * A client secret. Every value that Entra has issued is printable ASCII. A GUID is the secret's id, which the portal shows beside
 * it, and an address is that of a secret in Key Vault.
 */
export const clientSecret: ValueSchema<string> = z.pipe(
  z.string(),
  z.transform((given: string, context) => {
    const got = isGuid(given)
      ? `a GUID, which is the secret's id and not its value`
      : /^https?:\/\//i.test(given)
        ? 'an address instead of a secret'
        : undefined;
    if (got === undefined && /^[\x21-\x7e]+$/.test(given)) return given;
    context.issues.push({ code: 'custom', input: given, params: { got } });
    return z.NEVER;
  }),
);

/** `true` or `false` in any case: Bicep's `string(true)` returns `True`. */
export const trueOrFalse = readAs((given) => {
  const lower = given.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : undefined;
});

/** A GUID, in lower case. */
export const guid = readAs((given) => (isGuid(given) ? given.toLowerCase() : undefined));

/** The GUID of one organization's tenant, in lower case. */
export const tenantGuid = readAs((given) => {
  const tenant = given.toLowerCase();
  return isGuid(tenant) && tenant !== personalAccountsTenant ? tenant : undefined;
});

/** An id that is safe as a table key; a GUID in lower case. */
export const id = readAs((given) => (isSafeId(given) ? lowerCaseGuid(given) : undefined));

/** Creates a schema that accepts exactly one of the words. */
export function oneOf<const T extends string>(...words: readonly T[]): ValueSchema<T> {
  return readAs((given) => words.find((word) => word === given));
}

/** A whole number from 0 to 100. */
export const percent = readAs((given) => {
  const number = /^\d{1,3}$/.test(given) ? Number(given) : 101;
  return number <= 100 ? number : undefined;
});

/** A whole number of days from 0 to 90. */
export const daysUpTo90 = readAs((given) => {
  const number = /^\d{1,2}$/.test(given) ? Number(given) : 91;
  return number <= 90 ? number : undefined;
});

/** A label of a domain: letters, digits and hyphens, without a hyphen at its ends. */
const labelPattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Takes linear time, which one pattern for the whole domain would not. */
function isDomain(text: string): boolean {
  const labels = text.split('.');
  return text.length <= 253 && labels.length > 1 && labels.every((label) => labelPattern.test(label));
}

/**
 * Domains in lower case. A leading `@` and extra commas are accepted. A list without any domain is refused, because an
 * empty list would allow everyone.
 */
export const domains = readAs((given): readonly string[] | undefined => {
  const entries = given.split(',').map((entry) => entry.trim().replace(/^@/, '').toLowerCase());
  const named = entries.filter((entry) => entry !== '');
  return named.length > 0 && named.every((entry) => isDomain(entry)) ? [...new Set(named)] : undefined;
});

/** An https origin, or an http one on this machine. */
export const siteOrigin = readAs((given) => {
  const url = findOrigin(given);
  if (url === undefined || (url.protocol === 'http:' && !isLoopback(url))) return undefined;
  return url.origin;
});

/** A host name with or without a port, returned as an origin: http on this machine, otherwise https. */
export const hostName = readAs((given) => {
  const url = given.includes('/') ? undefined : findOrigin(`https://${given}`);
  if (url === undefined) return undefined;
  return isLoopback(url) ? findOrigin(`http://${given}`)?.origin : url.origin;
});

/** The https origin of a storage service. */
export const httpsOrigin = readAs((given) => {
  const url = findOrigin(given);
  return url?.protocol === 'https:' ? url.origin : undefined;
});

/** An https origin on this machine. */
export const loopbackHttpsOrigin = readAs((given) => {
  const url = findOrigin(given);
  return url !== undefined && url.protocol === 'https:' && isLoopback(url) ? url.origin : undefined;
});

/** An http or https origin on this machine. */
export const loopbackOrigin = readAs((given) => {
  const url = findOrigin(given);
  return url !== undefined && isLoopback(url) ? url.origin : undefined;
});

/** An https URL on this machine, without a slash at the end. */
export const loopbackHttpsUrl = readAs((given) => {
  const url = findPlainUrl(given);
  if (url?.protocol !== 'https:' || !isLoopback(url)) return undefined;
  return withoutSlashes(url.href);
});

/**
 * The address of a LiteLLM proxy, without a slash at the end. A path is allowed, because `SERVER_ROOT_PATH` can serve a
 * proxy under one. `/v1` and `/ui` at the end are refused: the management API is not under the address of models or pages.
 */
export const proxyUrl = readAs((given) => {
  const url = findPlainUrl(given);
  if (url === undefined || (url.protocol === 'http:' && !isLoopback(url))) return undefined;
  const address = withoutSlashes(url.href);
  return /\/(?:v1|ui)$/i.test(address) ? undefined : address;
});

/** Removes the slashes at the end. Takes linear time, which `replace(/\/+$/)` does not. */
function withoutSlashes(address: string): string {
  let end = address.length;
  while (address[end - 1] === '/') end -= 1;
  return address.slice(0, end);
}

/**
 * A key for an Authorization header. A client would refuse any other text with an error that quotes the key. An address is
 * that of a secret in Key Vault, not a key.
 */
export const bearerKey = readAs((given) =>
  /^[\x21-\x7e]+$/.test(given) && !/^https?:\/\//i.test(given) ? given : undefined,
);

/** A storage account's connection string. */
export const storageConnectionString = readAs((given) =>
  isStorageConnectionString(given) ? given : undefined,
);

/** An http or https address, unchanged. */
export const plainUrl = readAs((given) => (findPlainUrl(given) === undefined ? undefined : given));

/**
 * Returns the parts of `Key=Value;…` by key in lower case, as Azure Monitor reads them. Returns undefined if one has no value,
 * or if a key occurs twice.
 */
function findMonitorParts(given: string): ReadonlyMap<string, string> | undefined {
  const parts = given
    .split(';')
    .filter((part) => part.trim() !== '')
    .map((part) => /^\s*([^=\s]+)\s*=\s*([^=\s]+)\s*$/.exec(part));
  if (!parts.every((part) => part !== null)) return undefined;
  const byKey = new Map(parts.map(([, key = '', value = '']) => [key.toLowerCase(), value]));
  return byKey.size === parts.length ? byKey : undefined;
}

/**
 * The connection string of an Application Insights resource, rewritten for its exporter. The exporter discards a string
 * with a semicolon at the end and refuses a key in upper case.
 */
export const applicationInsightsConnectionString = readAs((given) => {
  const parts = findMonitorParts(given);
  const key = parts?.get('instrumentationkey') ?? '';
  const endpoint = parts?.get('ingestionendpoint');
  const isHttps = endpoint === undefined || findPlainUrl(endpoint)?.protocol === 'https:';
  if (parts === undefined || !isGuid(key) || !isHttps) return undefined;
  const written = new Map([...parts, ['instrumentationkey', key.toLowerCase()]]);
  return [...written].map(([name, value]) => `${name}=${value}`).join(';');
});

/** The managed identity that sends to Application Insights. Without a client id: the system-assigned one. */
export const ingestionIdentity = readAs((given) => {
  const parts = findMonitorParts(given);
  const clientId = parts?.get('clientid');
  if (parts?.get('authorization')?.toLowerCase() !== 'aad') return undefined;
  if (clientId === undefined) return {};
  return isGuid(clientId) ? { clientId: clientId.toLowerCase() } : undefined;
});

/**
 * Creates a schema that parses JSON text and passes the value to another schema. A key that occurs twice is refused, because
 * JSON.parse would silently use the last one. So is `__proto__`, which zod would silently drop.
 */
function json<T>(schema: z.ZodMiniType<T>): ValueSchema<T> {
  const parsed = z.transform((given: string, context): unknown => {
    try {
      const value: unknown = JSON.parse(given);
      const bad = findBadKey(given);
      if (bad === undefined) return value;
      context.issues.push({ code: 'custom', input: given, params: { got: bad } });
    } catch {
      // The parser's message quotes the text, so it is dropped.
      context.issues.push({ code: 'custom', input: given });
    }
    return z.NEVER;
  });
  return z.pipe(z.pipe(z.string(), parsed), schema);
}

const globalRole = z.enum(GLOBAL_ROLES, `one of ${GLOBAL_ROLES.join(', ')}`);
const budget = z.number('an amount in USD, 0 or more').check(z.minimum(0, 'an amount in USD, 0 or more'));
const duration = z.string(durationText()).check(z.refine(isDuration, durationText()));
const limit = z
  .int('a whole number per minute, 0 or more')
  .check(z.minimum(0, 'a whole number per minute, 0 or more'));
/** Creates a schema of a list. `refused`: special names of LiteLLM that mean nothing in this list. */
const words = (what: string, refused: readonly string[] = []) => {
  const expected = `a list of ${what}, each a string without invisible characters`;
  const specialNames = `no special name that belongs to a team (${refused.join(', ')})`;
  const word = z.string(expected).check(
    z.regex(/^\S(.*\S)?$/, expected),
    z.refine((given) => findHiddenCharacter(given) === undefined, expected),
    z.refine((given) => !refused.includes(given), specialNames),
  );
  return z._default(z.array(word, expected), []);
};

function durationText(): string {
  return 'a number followed by s, m, h, d, w or mo, such as "30d", at most 100 years';
}

function isDuration(given: string): boolean {
  const [, count = '', unit = ''] = durationPattern.exec(given) ?? [];
  return count !== '' && Number(count) * (secondsOf[unit] ?? Infinity) <= longestDurationSeconds;
}

/** `DEFAULT_TEAM_PARAMS` */
export const teamParams = json(
  z.strictObject({
    // The list is a new organization's too, where these names would leave it without any model.
    models: words('model names', [ALL_ORG_MODELS, ALL_TEAM_MODELS, NO_DEFAULT_MODELS]),
    max_budget: z.exactOptional(budget),
    budget_duration: z.exactOptional(duration),
    tpm_limit: z.exactOptional(limit),
    rpm_limit: z.exactOptional(limit),
    team_member_permissions: words('routes such as "/key/generate"'),
  }),
);

/** `DEFAULT_INTERNAL_USER_PARAMS` */
export const userParams = json(
  z.strictObject({
    user_role: z.exactOptional(globalRole),
    max_budget: z.exactOptional(budget),
    budget_duration: z.exactOptional(duration),
    models: words('model names', [ALL_ORG_MODELS, ALL_TEAM_MODELS]),
  }),
);

/** `ROLE_MAPPINGS`. A group that occurs twice (a GUID in two cases) is refused, because its role would be unclear. */
export const roleMappings: ValueSchema<ReadonlyMap<string, GlobalRole>> = z.pipe(
  json(z.record(z.string().check(z.refine(isSafeId)), globalRole)),
  z.transform((roles: Readonly<Record<string, GlobalRole>>, context) => {
    const entries = Object.entries(roles).map(([group, role]) => [lowerCaseGuid(group), role] as const);
    const repeated = entries.find(([group], index) => entries.findIndex(([one]) => one === group) !== index);
    if (repeated === undefined) return frozenMap(entries);
    context.issues.push({
      code: 'custom',
      input: roles,
      params: { got: `the group "${repeated[0]}" twice` },
    });
    return z.NEVER;
  }),
);

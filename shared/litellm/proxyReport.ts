/** What administrators are told about the LiteLLM proxy: each state with what to do about it, and who can do it. Pure. */
import type { ProxyReport, ProxyWarning, StoredProxy } from '../model/litellmProxy.ts';
import { withoutUndefined } from '../platform/withoutUndefined.ts';
import {
  isTestedVersion,
  isUnsafeVersion,
  organizationsShowLicence,
  TESTED_VERSIONS,
} from './proxyVersion.ts';

const TESTED_RANGE = `${TESTED_VERSIONS.first} to ${TESTED_VERSIONS.last}`;

/** LiteLLM's own Microsoft sign-in serves this many users without a licence. */
export const FREE_USERS = 5;

/** By error code: what to do where no sync would work. */
const HINTS: Readonly<Record<string, string>> = {
  litellm_unreachable:
    'The LiteLLM proxy does not answer at LITELLM_BASE_URL. Sign-ins and provisioning continue. Changes for LiteLLM wait. The operator of the proxy starts it, or the operator of this service corrects the address.',
  litellm_key_refused:
    'The LiteLLM proxy refuses LITELLM_API_KEY (401). Changes for LiteLLM wait. The operator of this service sets it to the master key, or to the key of a proxy_admin.',
  litellm_right_missing:
    'The LiteLLM proxy accepts LITELLM_API_KEY, but its owner is no administrator. Changes for LiteLLM wait. The operator of this service sets it to the master key, or an administrator of LiteLLM makes the owner a proxy_admin.',
  litellm_answer_invalid:
    'What answers at LITELLM_BASE_URL is not a LiteLLM proxy. Changes for LiteLLM wait. The operator of this service checks the address.',
  litellm_version_unsafe:
    'This version of LiteLLM was compromised or withdrawn. Nothing is sent to it, and all changes wait. The operator of the proxy replaces the proxy with a tested version, and then replaces its master key and every secret that it knew. The operator of this service sets LITELLM_API_KEY to the new key.',
};

/** Returns what to do about an error of the proxy; `undefined` for an error that has no own advice. */
export function findProxyHint(code: string): string | undefined {
  return HINTS[code];
}

/** Returns whether the number of users matters: nothing shows that LiteLLM has a licence. */
export function needsUserCount({ version, organizations }: StoredProxy): boolean {
  return organizations?.believed !== 'available' || !organizationsShowLicence(version);
}

function listVersionWarnings({ version }: StoredProxy): readonly ProxyWarning[] {
  if (isTestedVersion(version)) return [];
  if (version === undefined) {
    const hint = `The proxy does not name its version. Changes are sent as versions ${TESTED_RANGE} need them. The operator of the proxy lets this service read /openapi.json.`;
    return [{ code: 'version_unknown', hint }];
  }
  const hint = `LiteLLM ${version} is outside of the versions that this service was tested with (${TESTED_RANGE}). Changes are sent. The operator of the proxy installs a tested version, or compares this one as docs/litellm.md says.`;
  return [{ code: 'version_untested', hint }];
}

function listOrganizationWarnings({ organizations }: StoredProxy): readonly ProxyWarning[] {
  if (organizations?.contrary !== undefined) {
    const hint = `The proxy says since ${organizations.contrary.firstAt} that its organizations are ${organizations.contrary.answer}. This is believed after three such answers in 30 minutes. Until then, changes that need organizations wait.`;
    return [{ code: 'organizations_unclear', hint }];
  }
  if (organizations?.believed !== 'unlicensed') return [];
  const hint =
    'From 1.102.0, LiteLLM has no organizations without a licence. Users, teams and team memberships are synced; teams carry the limits of their organizations. An administrator of LiteLLM adds a licence to have organizations.';
  return [{ code: 'organizations_unlicensed', hint }];
}

function listUserWarnings(proxy: StoredProxy): readonly ProxyWarning[] {
  const { users = 0, people = 0, isOwnUserClosed = false } = proxy.check ?? {};
  const warnings: ProxyWarning[] = [];
  if ((users >= FREE_USERS || people > FREE_USERS) && needsUserCount(proxy)) {
    const coming = users < FREE_USERS ? ` A sync of everyone who is provisioned passes ${FREE_USERS}.` : '';
    const hint = `LiteLLM has ${users} users, and no licence is known.${coming} With more than ${FREE_USERS} users and no licence, LiteLLM's own Microsoft sign-in refuses everybody (403). Models, keys and this service are not affected. An administrator of LiteLLM adds a licence, or removes users that are not needed.`;
    warnings.push({ code: 'five_users', hint });
  }
  if (isOwnUserClosed) {
    const hint =
      'The account of the person who owns LITELLM_API_KEY is closed. This service leaves that user alone. The operator of this service sets LITELLM_API_KEY to the master key, or to the key of another proxy_admin.';
    warnings.push({ code: 'own_user_closed', hint });
  }
  return warnings;
}

function organizationsOf({ organizations }: StoredProxy): ProxyReport['organizations'] {
  if (organizations === undefined) return undefined;
  const { believed, since, contrary } = organizations;
  return contrary === undefined ? { state: believed, since } : { state: 'unclear', since: contrary.firstAt };
}

/** Returns what is stored about the proxy, in the words for administrators. */
export function reportProxy(proxy: StoredProxy): ProxyReport {
  const { version, ownUserId, check } = proxy;
  const isUnsafe = isUnsafeVersion(version);
  const error = isUnsafe ? 'litellm_version_unsafe' : check?.error;
  return {
    status: error === undefined ? 'ok' : 'failing',
    ...withoutUndefined({ error, hint: error === undefined ? undefined : findProxyHint(error), version }),
    tested_range: TESTED_RANGE,
    ...withoutUndefined({
      organizations: organizationsOf(proxy),
      own_user: ownUserId,
      checked_at: check?.at,
    }),
    warnings: [
      // An unsafe version is a fault, and not a warning too.
      ...(isUnsafe || (version === undefined && proxy.versionReadAt === undefined)
        ? []
        : listVersionWarnings(proxy)),
      ...listOrganizationWarnings(proxy),
      ...listUserWarnings(proxy),
    ],
  };
}

import type { ProxyReport } from '../shared/model/litellmProxy.ts';

const INDENT = '  ';

/** Returns the state of the proxy as lines: version, organizations, owner of the key, then the fault and each warning with its hint. */
export function renderProxy(report: ProxyReport): string {
  const { version, tested_range: tested, organizations, own_user: ownUser, error, hint, warnings } = report;
  return [
    `LiteLLM ${version ?? 'of an unknown version'} (tested: ${tested})`,
    ...(organizations === undefined
      ? []
      : [`${INDENT}organizations: ${organizations.state}, since ${organizations.since}`]),
    ...(ownUser === undefined ? [] : [`${INDENT}owner of the key: ${ownUser}`]),
    ...(error === undefined ? [] : [`${INDENT}fault: ${error}${hint === undefined ? '' : `. ${hint}`}`]),
    ...warnings.map((warning) => `${INDENT}warning: ${warning.code}. ${warning.hint}`),
  ].join('\n');
}

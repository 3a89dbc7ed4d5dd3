/**
 * Small faults in the template, made from its own source: a value that is another, a thing that is missing, a condition that is
 * turned round. Each changes one line and still compiles; the assertions must notice every one.
 */

export interface Mutant {
  /** `app/storage.bicep:46 allowSharedKeyAccess: false → true` */
  readonly name: string;
  readonly file: string;
  /** The whole file with the fault. */
  readonly text: string;
  /** May change what modules give each other, which is in the compiled template and not in the snapshot. */
  readonly changesTemplate: boolean;
  /** What holds where nobody chooses. */
  readonly isDefault: boolean;
}

/** One change of one line: what it says now. */
type LineFault = string;

interface Line {
  readonly file: string;
  readonly text: string;
  /** Inside a query. */
  readonly isQuery: boolean;
}

/** Faults of a kind, for lines of that kind; empty for all others. */
type Operator = (line: Line) => readonly LineFault[];

/** Lines of which no fault is made. */
const leftAlone: readonly RegExp[] = [
  // What only people read: whether it says the right thing no test can tell.
  /^\s*(?:metadata|@|\/\/|targetScope|using|extension |#disable)/,
  /^\s*(?:description|displayName|groupShortName|noDataMessage): '/,
  // The one name that Azure allows there.
  /^\s*name: 'default'$/,
];

/** Another valid value where not every text is one. */
const otherValues: ReadonlyMap<string, string> = new Map([
  ['Standard_LRS', 'Standard_ZRS'],
  ['inherit', 'copy'],
  ['full', 'additive'],
  ['TLS1_2', 'TLS1_0'],
  ['1.2', '1.0'],
  ['Disabled', 'Enabled'],
  ['Enabled', 'Disabled'],
  ['Deny', 'Allow'],
  ['Allow', 'Deny'],
  ['None', 'AzureServices'],
  ['Static', 'Dynamic'],
  ['{}', '{"models":["other"],"user_role":"internal_user"}'],
  ['Count', 'Average'],
  ['GreaterThan', 'LessThan'],
  ['UserAssigned', 'SystemAssigned'],
  ['UserAssignedIdentity', 'StorageAccountConnectionString'],
  ['ServicePrincipal', 'User'],
  ['AllPrincipals', 'Principal'],
  ['AzureADMyOrg', 'AzureADMultipleOrgs'],
  ['ApplicationGroup', 'SecurityGroup'],
  ['10.42.0.0/24', '10.43.0.0/24'],
  ['GroupMember.Read.All', 'Group.ReadWrite.All'],
  ['Application.Read.All', 'Application.ReadWrite.All'],
  ['User.Read', 'User.ReadWrite'],
  ['microsoft.fixed_percentage', 'microsoft.rate_limited'],
]);

/** Another value of a parameter or variable that takes not every text. */
const chosen: ReadonlyMap<string, string> = new Map([
  ['roleMappings', '{"aaaaaaaa-0000-4000-8000-000000000000":"proxy_admin"}'],
  ['defaultTeamParams', '{"models":["other"]}'],
  ['defaultInternalUserParams', '{"user_role":"proxy_admin"}'],
  ['publicUrl', 'https://other.example'],
  ['storageAccountName', 'other'],
  ['allowedEmailDomains', 'other.example'],
  ['entraGroupsClaim', 'ApplicationGroup'],
  ['storageSku', 'Standard_GZRS'],
  ['vnetAddressPrefix', '10.99.0.0/24'],
  ['addressPrefix', '10.99.0.0/24'],
  ['componentName', 'other'],
  ['litellmBaseUrl', 'https://other.example'],
  ['litellmApiKeySecretUri', 'https://other.vault.azure.net/secrets/other'],
]);

const isLiteral = /^(\s*[\w'$\-{}]+: )('(?:[^'\\]|\\.)*'|true|false|\d+)(,?)$/;

/** `key: 'text'`, `key: true`, `key: 5`. */
const literalProperty: Operator = ({ text }) => {
  const [, start, value, end] = isLiteral.exec(text) ?? [];
  return start === undefined || value === undefined ? [] : [`${start}${otherLiteral(value)}${end ?? ''}`];
};

/** `{ key: 'text' }` inside a line. */
const inlineProperty: Operator = ({ text }) =>
  [...text.matchAll(/(?<=\{ \w+: )(?:'[^']*'|true|false|\d+)(?= \})/g)].map((found) =>
    replaceAt(text, found, otherLiteral(found[0])),
  );

/** `param name type = default` */
const parameterDefault: Operator = ({ text }) => {
  const [, start, name = '', value] = /^(param (\w+) \w+ = )(.+)$/.exec(text) ?? [];
  if (start === undefined || value === undefined) return [];
  const other = chosen.get(name);
  return [`${start}${other === undefined ? otherLiteral(value) : `'${other}'`}`];
};

/** `key: ['a', 'b']` and `var x = ['a', 'b']`: each item. */
const inlineList: Operator = ({ text }) => {
  if (!/(?:: |= )\['/.test(text)) return [];
  return [...text.matchAll(/'[^']*'/g)].map((item) => replaceAt(text, item, otherLiteral(item[0])));
};

/** An item of a list that has a line of its own. */
const listItem: Operator = ({ text }) => {
  const item = /^\s*('[^']+')$/.exec(text)?.[1];
  return item === undefined ? [] : [text.replace(item, otherLiteral(item))];
};

/** A setting that is left out. */
const setting: Operator = ({ text }) => {
  if (/^\s*(?:[A-Z]{2,}[A-Z0-9]*_[A-Z0-9_]+|AzureWebJobs\w+): /.test(text)) return [''];
  return /\{ (?:[A-Z]+_)+[A-Z]+: .+ \}/.test(text)
    ? [text.replace(/\{ (?:[A-Z]+_)+[A-Z]+: .+ \}/, '{}')]
    : [];
};

/** A resource that is not deployed. */
const resource: Operator = ({ text }) => {
  if (text.includes(' existing = ')) return [];
  if (/^\s*(?:resource|module) .+ = \{$/.test(text)) {
    return text.startsWith('module') ? [] : [text.replace(/\{$/, 'if (false) {')];
  }
  // Lists inside of a resource are made the same way.
  const isOfResources = !/\b(?:role in roles|setting in items\(.+\)):/.test(text);
  return /^\s*for .+: \{$/.test(text) && isOfResources ? [text.replace(/\{$/, 'if (false) {')] : [];
};

/** A condition that is turned round. */
const condition: Operator = ({ text }) => {
  const turned = [...text.matchAll(/\bif \((.+)\) \{/g)].map((found) =>
    replaceAt(text, found, `if (!(${found[1] ?? ''})) {`),
  );
  const [, start, first, second] = /^(.*[^?]\? )(.+?) : (.+)$/.exec(text) ?? [];
  if (start !== undefined && first !== undefined && second !== undefined && !/\?\?|: \{ /.test(text)) {
    turned.push(`${start}${second} : ${first}`);
  }
  return turned;
};

const swaps: readonly (readonly [RegExp, string])[] = [
  [/identity\.(outputs|properties)\.principalId\b/g, 'identity.$1.clientId'],
  [/identity\.(outputs|properties)\.clientId\b/g, 'identity.$1.principalId'],
  [/primaryEndpoints\.\w+/g, 'primaryEndpoints.file'],
  [/outputs\.(?:blob|table)Endpoint/g, 'outputs.queueEndpoint'],
  [/outputs\.queueEndpoint/g, 'outputs.tableEndpoint'],
  [/entra\.\?outputs\.clientId/g, 'entra.?outputs.servicePrincipalId'],
  [/entra\.\?outputs\.servicePrincipalId/g, 'entra.?outputs.clientId'],
  [/\?\? (?:entraClientId|entraServicePrincipalId)$/g, "?? 'other'"],
  [/dependsOn: \[\w+(?:, \w+)*\]/g, 'dependsOn: []'],
  [/\.\w+ == (?:permission|delegatedPermission)\b/g, ".value == 'Directory.ReadWrite.All'"],
  [/servicePrincipal\.id$/g, 'graph.id'],
  [/graph\.id$/g, 'servicePrincipal.id'],
  [/\$\{tenant\(\)\.tenantId\}/g, 'common'],
  [/tenant\(\)\.tenantId$/g, 'subscription().subscriptionId'],
  [/\bscope: (?:account|component)$/g, 'scope: resourceGroup()'],
  [/guid\(\w+\.id, principalId, /g, 'guid(principalId, '],
  [/guid\((\w+\.id), principalId, /g, 'guid($1, '],
  [/, role\.value\)(?=$)/g, ", 'other')"],
  [/(?:workspace|component)\.id$/g, "'other'"],
  [/storage\.outputs\.id$/g, 'monitoring.outputs.workspaceId'],
  [/monitoring\.outputs\.componentId$/g, 'storage.outputs.id'],
  [/\[(?:workspaceId|workspace\.id)\]/g, '[]'],
  [/actionGroup\.id\]/g, ']'],
  [/cidrSubnet\((\w+), (\d+), (\d)\)/g, 'cidrSubnet($1, $2, 1)'],
  [
    /(?:zones|endpoints)\[index\]\.id|(?:natGateway|outboundAddress|network::endpointSubnet|network)\.id\b/g,
    "'other'",
  ],
  [/\[service\]/g, "['file']"],
  [/'azd-env-name': environmentName/g, ''],
  [/\{ 'azd-service-name': 'app' \}/g, '{}'],
  [/\/sso\/callback/g, '/callback'],
  [/toLower\((\w+)\)/g, '$1'],
  [/SecretUri=\$\{entraClientSecretUri\}/g, 'SecretUri=${litellmApiKeySecretUri}'],
  [/SecretUri=\$\{litellmApiKeySecretUri\}/g, 'SecretUri=${entraClientSecretUri}'],
  [/!empty\(litellmApiKeySecretUri\)/g, '!empty(entraClientSecretUri)'],
  [/= !empty\(/g, '= empty('],
  [/string\((entraGroupsAlsoCreateOrgs)\)/g, 'string(!$1)'],
];

/** What is taken from the wrong place. */
const wrongSource: Operator = ({ text }) =>
  swaps.flatMap(([pattern, other]) =>
    [...text.matchAll(pattern)].map((found) =>
      replaceAt(text, found, found[0].replace(new RegExp(pattern.source), other)),
    ),
  );

/** A parameter or variable that is not handed on: `key: name`. What modules do with it is the other operators' matter. */
const notHandedOn: Operator = ({ file, text }) => {
  const [, start, name] = /^(\s+\w+: )([a-z]\w*)$/.exec(text) ?? [];
  if (file !== 'main.bicep' && !/\b(?:principalId|subject|identityId)$/.test(text)) return [];
  if (start === undefined || name === undefined || /^(?:true|false|null|tags)$/.test(name)) return [];
  if (name === 'instanceMemoryMB') return [`${start}512`];
  if (/(?:Count|Ready|Concurrency|Days|Threshold)$/.test(name)) return [`${start}700`];
  if (/(?:Enabled|Required|Permissions)$/.test(name)) return [`${start}!${name}`];
  if (name === 'group') return [];
  const other = chosen.get(name) ?? 'other';
  return [`${start}'${other}'`];
};

const queryText: readonly [RegExp, string] = [/"([^"]+)"/g, '"$1x"'];

const queryFaults: readonly (readonly [RegExp, string])[] = [
  queryText,
  [/ and /g, ' or '],
  [/ or /g, ' and '],
  [/isnotempty/g, 'isempty'],
  [/ == /g, ' != '],
  [/ != /g, ' == '],
  [/ !in /g, ' in '],
  [/ in /g, ' !in '],
  [/\bstartswith\b/g, 'endswith'],
  [/\bendswith\b/g, 'startswith'],
  [/^AppTraces/g, 'AppEvents'],
  [/\bcode\b/g, 'cod'],
  [/\bTimeGenerated\b/g, 'TimeCreated'],
  [/\{timeRange:/g, '{otherRange:'],
  [/fields\.(\w+)/g, 'fields.other$1'],
];

/** A query that counts something else. The texts that it shows are for people. */
const query: Operator = ({ text }) =>
  queryFaults
    .filter((fault) => fault !== queryText || !/^\| (?:summarize|project) /.test(text))
    .flatMap(([pattern, other]) =>
      [...text.matchAll(pattern)].map((found) =>
        replaceAt(text, found, found[0].replace(new RegExp(pattern.source), other)),
      ),
    );

const operators: readonly Operator[] = [
  literalProperty,
  inlineProperty,
  parameterDefault,
  inlineList,
  listItem,
  setting,
  resource,
  condition,
  wrongSource,
  notHandedOn,
];

function otherLiteral(literal: string): string {
  if (literal === 'true') return 'false';
  if (literal === 'false') return 'true';
  if (literal === '2048') return '4096';
  if (/^\d+$/.test(literal)) return String(Number(literal) + 1);
  const text = literal.slice(1, -1);
  if (text === '') return "'other'";
  return `'${otherValues.get(text) ?? `${text}x`}'`;
}

function replaceAt(text: string, found: RegExpExecArray, by: string): string {
  return text.slice(0, found.index) + by + text.slice(found.index + found[0].length);
}

/** Gives all mutants of a file of `infra/`, in the order of its lines, none twice. */
export function makeMutants(file: string, source: string): readonly Mutant[] {
  const lines = source.split('\n');
  const mutants = new Map<string, Mutant>();
  for (const [index, line] of readLines(file, lines).entries()) {
    if (line === undefined) continue;
    const faults = line.isQuery ? query(line) : operators.flatMap((operator) => operator(line));
    for (const fault of faults.filter((each) => each !== line.text)) {
      const text = lines.toSpliced(index, 1, fault).join('\n');
      const shown = `${file}:${index + 1} ${line.text.trim()} → ${fault.trim() || '(left out)'}`;
      mutants.set(text, {
        name: shown,
        file,
        text,
        changesTemplate: !line.isQuery && !isInnermost(line),
        isDefault: line.text.startsWith('param '),
      });
    }
  }
  return [...mutants.values()];
}

/** Whether a line says something of one resource that no other line refers to: compiling for those alone is saved. */
function isInnermost({ file, text }: Line): boolean {
  if (/\bname: |Name|outputs|token/.test(text)) return false;
  if (file === 'main.bicep') return /^param (?!entra\w*Id )|^ {4,}\w+: /.test(text);
  return /^ {4,}/.test(text);
}

/** Undefined for a line that no fault is made of: what only people read, and what only limits parameters. */
function readLines(file: string, lines: readonly string[]): readonly (Line | undefined)[] {
  let isQuery = false;
  let isDecorator = false;
  return lines.map((text) => {
    const wasQuery = isQuery;
    if (text.includes("'''")) isQuery = !isQuery;
    if (wasQuery || isQuery) return wasQuery && isQuery ? { file, text, isQuery: true } : undefined;
    if (text.startsWith('@allowed([')) isDecorator = !text.includes('])');
    else if (isDecorator) {
      if (text.startsWith('])')) isDecorator = false;
      return undefined;
    }
    const isLeftOut = leftAlone.some((pattern) => pattern.test(text));
    return isLeftOut ? undefined : { file, text, isQuery: false };
  });
}

/** The deployments that are checked: the parameters of `infra/check/<name>.bicepparam`, and what they are meant to give. */
import type { Rules } from '../../shared/model/rules.ts';

/** The application that people sign in to. */
export type MeantApplication =
  | {
      readonly kind: 'template';
      readonly uniqueName?: string;
      readonly displayName: string;
      readonly assignmentRequired: boolean;
      readonly permissionsGranted: boolean;
    }
  | {
      readonly kind: 'own';
      readonly clientId: string;
      readonly servicePrincipalId?: string;
      readonly groupsClaimIsApplicationGroup: boolean;
      /** Where its secret is in Key Vault; without one it has a federated credential. */
      readonly secretUri?: string;
    };

export interface MeantDeployment {
  /** Also the name of the parameter file. */
  readonly name: string;
  readonly environmentName: string;
  readonly location: string;
  /** Names that were chosen; the others have the hash in them. */
  readonly resourceGroupName: string;
  readonly functionAppName?: string;
  readonly storageAccountName?: string;
  /** Where people come in, if not at the host name of the app. */
  readonly publicUrl?: string;
  readonly application: MeantApplication;
  /** The address range; absent: no network. */
  readonly network?: { readonly app: string; readonly endpoints: string; readonly all: string };
  readonly alertEmail?: string;
  readonly signInFailureThreshold: number;
  readonly logRetentionDays: number;
  readonly storageSku: string;
  /** By the template; else an administrator does it. */
  readonly rolesAreAssigned: boolean;
  readonly scale: {
    readonly maximumInstanceCount: number;
    readonly instanceMemoryMB: number;
    readonly alwaysReady: readonly { readonly name: string; readonly instanceCount: number }[];
    readonly triggers: { readonly http: { readonly perInstanceConcurrency: number } };
  };
  /** With `assignedGroupsAreKnown` left out: it follows from the application. */
  readonly rules: Omit<Rules, 'assignedGroupsAreKnown'>;
  readonly removalLimitPercent: number;
  readonly assignedGroupsAccept?: string;
  readonly allowedEmailDomains: readonly string[];
  /** The LiteLLM proxy that is connected, and where its key is in Key Vault; absent: none. */
  readonly proxy?: { readonly baseUrl: string; readonly apiKeySecretUri: string };
  /** Settings that have no value unless the deployer chooses one, and here have one. */
  readonly chosenSettings: readonly string[];
}

const plain: MeantDeployment = {
  name: 'default',
  environmentName: 'contoso',
  location: 'swedencentral',
  resourceGroupName: 'rg-contoso',
  application: {
    kind: 'template',
    displayName: 'LiteLLM access',
    assignmentRequired: false,
    permissionsGranted: false,
  },
  signInFailureThreshold: 10,
  logRetentionDays: 30,
  storageSku: 'Standard_LRS',
  rolesAreAssigned: true,
  scale: {
    maximumInstanceCount: 40,
    instanceMemoryMB: 2048,
    alwaysReady: [],
    triggers: { http: { perInstanceConcurrency: 16 } },
  },
  rules: {
    groupsAlsoCreateOrgs: false,
    defaultTeamParams: { models: [], team_member_permissions: [] },
    defaultUserParams: { models: [] },
    roleMappings: new Map(),
    orgTeamBudget: 'inherit',
    membershipSyncMode: 'full',
  },
  removalLimitPercent: 20,
  allowedEmailDomains: [],
  chosenSettings: ['MICROSOFT_MANAGED_IDENTITY_CLIENT_ID', 'ENTRA_GROUPS_CLAIM'],
};

const flagOn: MeantDeployment = {
  ...plain,
  name: 'flagOn',
  functionAppName: 'Contoso-Access-Test',
  rules: {
    ...plain.rules,
    groupsAlsoCreateOrgs: true,
    defaultTeamParams: {
      models: ['gpt-4'],
      max_budget: 12.5,
      budget_duration: '30d',
      team_member_permissions: [],
    },
  },
};

const ownApplication: MeantDeployment = {
  ...plain,
  name: 'ownApplication',
  publicUrl: 'https://access.contoso.example',
  rolesAreAssigned: false,
  application: {
    kind: 'own',
    clientId: '0d0d0d0d-0000-4000-8000-000000000001',
    servicePrincipalId: '0d0d0d0d-0000-4000-8000-000000000002',
    groupsClaimIsApplicationGroup: false,
  },
  chosenSettings: ['MICROSOFT_MANAGED_IDENTITY_CLIENT_ID'],
};

const ownApplicationSecret: MeantDeployment = {
  ...plain,
  name: 'ownApplicationSecret',
  application: {
    kind: 'own',
    clientId: '0d0d0d0d-0000-4000-8000-000000000001',
    groupsClaimIsApplicationGroup: true,
    secretUri: 'https://contoso-vault.vault.azure.net/secrets/litellm-entra',
  },
  chosenSettings: ['MICROSOFT_CLIENT_SECRET', 'ENTRA_GROUPS_CLAIM'],
};

const everythingChosen: MeantDeployment = {
  ...plain,
  name: 'everythingChosen',
  environmentName: 'contoso-test',
  location: 'westeurope',
  resourceGroupName: 'ai-access',
  functionAppName: 'Contoso-Access',
  storageAccountName: 'contosoaccess',
  publicUrl: 'https://ai.contoso.example',
  application: {
    kind: 'template',
    uniqueName: 'contoso-litellm',
    displayName: 'Contoso AI',
    assignmentRequired: true,
    permissionsGranted: true,
  },
  network: { all: '172.20.8.0/23', app: '172.20.8.0/26', endpoints: '172.20.8.64/27' },
  logRetentionDays: 90,
  storageSku: 'Standard_ZRS',
  scale: {
    maximumInstanceCount: 100,
    instanceMemoryMB: 4096,
    alwaysReady: [{ name: 'http', instanceCount: 2 }],
    triggers: { http: { perInstanceConcurrency: 32 } },
  },
  rules: {
    ...plain.rules,
    defaultUserParams: { user_role: 'internal_user', max_budget: 20, models: [] },
    roleMappings: new Map([['55555555-6666-7777-8888-999999999999', 'proxy_admin_viewer']]),
    proxyAdminId: '66666666-7777-8888-9999-000000000000',
    orgTeamBudget: 'copy',
    membershipSyncMode: 'additive',
  },
  removalLimitPercent: 35,
  assignedGroupsAccept: '5f0c1e2ab34d',
  allowedEmailDomains: ['contoso.example', 'eu.contoso.example'],
  chosenSettings: [
    ...plain.chosenSettings,
    'ASSIGNED_GROUPS_ACCEPT',
    'PROXY_ADMIN_ID',
    'ALLOWED_EMAIL_DOMAINS',
  ],
};

const connectedProxy: MeantDeployment = {
  ...plain,
  name: 'connectedProxy',
  proxy: {
    baseUrl: 'https://litellm.contoso.example/proxy',
    apiKeySecretUri: 'https://contoso-vault.vault.azure.net/secrets/litellm-api-key',
  },
  chosenSettings: [...plain.chosenSettings, 'LITELLM_BASE_URL', 'LITELLM_API_KEY'],
};

/** In the order in which they are shown. */
export const meantDeployments: readonly MeantDeployment[] = [
  plain,
  {
    ...plain,
    name: 'network',
    network: { all: '10.42.0.0/24', app: '10.42.0.0/26', endpoints: '10.42.0.64/27' },
  },
  flagOn,
  ownApplication,
  ownApplicationSecret,
  connectedProxy,
  {
    ...plain,
    name: 'alertsWithMail',
    alertEmail: 'operators@contoso.example',
    signInFailureThreshold: 25,
  },
  everythingChosen,
];

import { notSet } from './configFault.ts';
import { isDevelopmentStorage } from './connectionString.ts';
import { settings } from './settings.ts';
import type { SettingsReader } from './settingsReader.ts';

/** The addresses of Entra and Graph, without a slash at the end. */
export interface EntraEndpoints {
  /** `https://login.microsoftonline.com/<tenant>` */
  readonly authority: string;
  /** The exact `iss` of an id_token. */
  readonly issuer: string;
  readonly jwksUri: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** `https://graph.microsoft.com/v1.0` */
  readonly graphBaseUrl: string;
  /** The endpoints are a local emulator's (development only). */
  readonly endpointsAreOverridden: boolean;
}

/** The addresses without the tenant. */
export interface EndpointOrigins {
  readonly entra: string;
  readonly authorize: string;
  readonly graph: string;
  readonly areOverridden: boolean;
}

const microsoft: EndpointOrigins = {
  entra: 'https://login.microsoftonline.com',
  authorize: 'https://login.microsoftonline.com',
  graph: 'https://graph.microsoft.com/v1.0',
  areOverridden: false,
};

const { developmentEndpoints, developmentEntraUrl, developmentGraphUrl, developmentAuthorizeUrl } = settings;
const overrides = [developmentEntraUrl, developmentGraphUrl, developmentAuthorizeUrl];

const azureNames = new Set(['WEBSITE_SITE_NAME', 'WEBSITE_INSTANCE_ID', 'CONTAINER_NAME']);

/**
 * Returns whether a setting shows that the app runs in Azure. `WEBSITE_HOSTNAME` does not, because the Core Tools also set it on
 * a developer's machine.
 */
function isSignOfAzure(name: string): boolean {
  return azureNames.has(name.toUpperCase()) || name.toUpperCase().endsWith('SERVICEURI');
}

/**
 * Returns Microsoft's addresses, or an emulator's if all conditions are met: `DEVELOPMENT_ENDPOINTS=true`, hosts on this
 * machine, development storage and no sign of Azure. These addresses decide who can sign in as whom. Therefore each
 * condition that is not met is a separate fault, and the result is Microsoft's addresses.
 */
export function readEndpointOrigins(reader: SettingsReader): EndpointOrigins {
  const faultsBefore = reader.faults.length;
  const enabled = reader.findOrDefault(developmentEndpoints);
  const entra = reader.find(developmentEntraUrl);
  const graph = reader.find(developmentGraphUrl);
  const authorize = reader.find(developmentAuthorizeUrl) ?? entra;
  if (!enabled) {
    for (const setting of overrides.filter((each) => reader.isSet(each))) {
      const expected = "no value, unless DEVELOPMENT_ENDPOINTS=true on a developer's machine";
      reader.refuse(setting, reader.describe(setting), expected);
    }
    return microsoft;
  }
  refuseOutsideDevelopment(reader);
  for (const setting of [developmentEntraUrl, developmentGraphUrl]) {
    // With only one of the two, tokens from one system would be sent to the other.
    if (!reader.isSet(setting)) reader.refuse(setting, notSet);
  }
  const isAccepted = reader.faults.length === faultsBefore;
  if (!isAccepted || entra === undefined || graph === undefined || authorize === undefined) return microsoft;
  return { entra, graph, authorize, areOverridden: true };
}

function refuseOutsideDevelopment(reader: SettingsReader): void {
  const signs = reader.namesSet().filter((name) => isSignOfAzure(name));
  if (signs.length > 0) {
    const expected = '`false` or no value, because the app runs in Azure or uses storage in Azure';
    reader.refuse(developmentEndpoints, `"true" together with ${signs.sort().join(', ')}`, expected);
  }
  const storage = reader.textOf(settings.storageConnectionString);
  if (storage === undefined || !isDevelopmentStorage(storage)) {
    const expected =
      'AzureWebJobsStorage=UseDevelopmentStorage=true, or a connection string with its queue and table endpoints on localhost';
    reader.refuse(developmentEndpoints, '"true" without development storage', expected);
  }
}

/** Returns the addresses of one tenant. */
export function createEntraEndpoints(tenantId: string, origins: EndpointOrigins): EntraEndpoints {
  const authority = `${origins.entra}/${tenantId}`;
  return {
    authority,
    issuer: `${authority}/v2.0`,
    jwksUri: `${authority}/discovery/v2.0/keys`,
    authorizationEndpoint: `${origins.authorize}/${tenantId}/oauth2/v2.0/authorize`,
    tokenEndpoint: `${authority}/oauth2/v2.0/token`,
    graphBaseUrl: origins.graph,
    endpointsAreOverridden: origins.areOverridden,
  };
}

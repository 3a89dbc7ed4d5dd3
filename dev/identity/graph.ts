/** Graph: the calls of the product and of LiteLLM's own sign-in, with Graph's paging, errors and permissions. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { findAccessTokenHolder } from './accessToken.ts';
import type { AccessTokenHolder } from './accessToken.ts';
import type { Directory, Person } from './directory.ts';
import { appRoleAssignments, findPerson, groupsOf } from './directory.ts';
import { graphBaseUrl } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { actOutEndpointFault, takeFault } from './faults.ts';
import { graphFailure, renderGraphError } from './graphErrors.ts';
import type { GraphAnswer } from './graphErrors.ts';
import { pageOf, renderPage } from './graphPages.ts';
import type { RecordedRequest } from './recordedRequest.ts';

type Row = Readonly<Record<string, unknown>>;

interface GraphCall {
  readonly emulator: Emulator;
  readonly holder: AccessTokenHolder;
  /** The part below `/graph/v1.0`, with the query. */
  readonly url: URL;
}

const forbidden = graphFailure(
  403,
  'Authorization_RequestDenied',
  'Insufficient privileges to complete the operation.',
);
const notFound = (id: string): GraphAnswer =>
  graphFailure(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried properties is not present.`,
  );
const unsupported = graphFailure(400, 'BadRequest', 'The emulator does not know this call.');
const delegatedOnly = graphFailure(
  400,
  'BadRequest',
  '/me request is only valid with delegated authentication flow.',
);

const mayReadGroups = (scopes: readonly string[]): boolean =>
  scopes.some((scope) => ['GroupMember.Read.All', 'Group.Read.All', 'Directory.Read.All'].includes(scope));

function renderPerson(person: Person): Row {
  return {
    '@odata.type': '#microsoft.graph.user',
    id: person.id,
    displayName: person.displayName,
    mail: person.mail ?? null,
    userPrincipalName: person.userPrincipalName,
    accountEnabled: person.enabled,
    userType: person.userPrincipalName.includes('#EXT#') ? 'Guest' : 'Member',
  };
}

/** Renders a group. Without a permission on groups, Graph shows their ids and sets every other field to null. */
function renderGroup(group: { readonly id: string; readonly displayName: string }, isReadable: boolean): Row {
  return {
    '@odata.type': '#microsoft.graph.group',
    id: group.id,
    displayName: isReadable ? group.displayName : null,
    securityEnabled: isReadable ? true : null,
  };
}

function renderMemberships(directory: Directory, person: Person, isReadable: boolean): Row[] {
  return [
    ...person.directoryRoles.map((displayName, index) => ({
      '@odata.type': '#microsoft.graph.directoryRole',
      id: `directory-role-${index}-of-${person.id}`,
      displayName: isReadable ? displayName : null,
    })),
    ...person.administrativeUnits.map((displayName, index) => ({
      '@odata.type': '#microsoft.graph.administrativeUnit',
      id: `administrative-unit-${index}-of-${person.id}`,
      displayName: isReadable ? displayName : null,
    })),
    ...groupsOf(directory, person.id).map((group) => renderGroup(group, isReadable)),
  ];
}

/** `GET /me`, and `GET /me/memberOf`: everything of which the person is a direct member. */
function readMe(call: GraphCall, path: '/me' | '/me/memberOf'): GraphAnswer {
  const { emulator, holder, url } = call;
  if (holder.kind !== 'delegated') {
    return delegatedOnly;
  }
  const directory = emulator.directory();
  const person = findPerson(directory, holder.personId);
  if (!holder.scopes.some((scope) => scope.startsWith('User.Read')) || person?.enabled === false) {
    return forbidden;
  }
  if (person === undefined) {
    return notFound(holder.personId);
  }
  return path === '/me'
    ? { status: 200, body: renderPerson(person) }
    : renderPage(emulator, url, renderMemberships(directory, person, mayReadGroups(holder.scopes)));
}

/** `GET /servicePrincipals/{id}/appRoleAssignedTo`: every assignment to the application. */
function readAssignments(call: GraphCall, servicePrincipalId: string): GraphAnswer {
  const { emulator, holder, url } = call;
  if (holder.kind !== 'application' || emulator.faults.current.graphPermissionMissing === true) {
    return forbidden;
  }
  const directory = emulator.directory();
  return servicePrincipalId === directory.application.servicePrincipalId
    ? renderPage(emulator, url, appRoleAssignments(directory))
    : notFound(servicePrincipalId);
}

function dispatch(call: GraphCall, method: string | undefined): GraphAnswer {
  if (method !== 'GET') {
    return graphFailure(405, 'Request_BadRequest', 'Method not allowed.');
  }
  const { pathname } = call.url;
  if (pathname === '/me' || pathname === '/me/memberOf') {
    return readMe(call, pathname);
  }
  const servicePrincipalId = /^\/servicePrincipals\/([^/]+)\/appRoleAssignedTo$/.exec(pathname)?.[1];
  return servicePrincipalId === undefined
    ? unsupported
    : readAssignments(call, decodeURIComponent(servicePrincipalId));
}

const failureCodes: ReadonlyMap<number, string> = new Map([
  [429, 'TooManyRequests'],
  [500, 'InternalServerError'],
  [502, 'BadGateway'],
  [503, 'ServiceNotAvailable'],
  [504, 'GatewayTimeout'],
]);

export interface GraphExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly recorded: RecordedRequest;
}

/** Answers one call to Graph. */
export async function handleGraph(emulator: Emulator, exchange: GraphExchange): Promise<void> {
  const { request, response, recorded } = exchange;
  const full = new URL(request.url ?? '/', emulator.origin);
  const url = new URL(`${full.pathname.slice('/graph/v1.0'.length)}${full.search}`, 'https://graph.invalid');
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const holder = token === undefined ? undefined : await findAccessTokenHolder(emulator, token);
  recorded.tokenKind = token === undefined ? 'none' : (holder?.kind ?? 'invalid');

  const fault = takeFault(
    emulator.faults,
    'graph',
    (each) =>
      (each.pathIncludes === undefined || recorded.path.includes(each.pathIncludes)) &&
      (each.page === undefined || each.page === pageOf(url)),
  );
  const renderFault = (status: number): object =>
    renderGraphError(
      { code: failureCodes.get(status) ?? 'UnknownError', message: 'A fault switch is on.' },
      emulator.now(),
    );
  if (await actOutEndpointFault(fault, response, renderFault)) {
    return;
  }
  const answered =
    holder === undefined
      ? graphFailure(
          401,
          'InvalidAuthenticationToken',
          token === undefined ? 'Access token is empty.' : 'Access token validation failure.',
        )
      : dispatch({ emulator, holder, url }, request.method);
  response.writeHead(answered.status, {
    'content-type': 'application/json; charset=utf-8',
    'request-id': randomUUID(),
  });
  response.end(
    JSON.stringify(
      'failure' in answered ? renderGraphError(answered.failure, emulator.now()) : answered.body,
    ),
  );
}

/** Returns whether a path belongs to Graph. */
export const isGraphPath = (emulator: Emulator, path: string): boolean =>
  path.startsWith(`${new URL(graphBaseUrl(emulator)).pathname}/`);

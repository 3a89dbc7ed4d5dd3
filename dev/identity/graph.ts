/** The Graph half: the few calls that the application makes, with Graph's paging, errors and permissions. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

import { findAccessTokenHolder } from './accessToken.ts';
import type { AccessTokenHolder } from './accessToken.ts';
import type { Directory, Person } from './directory.ts';
import { appRoleAssignments, findPerson, groupsOf } from './directory.ts';
import { graphBaseUrl } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { actOutFault } from './faults.ts';
import { graphFailure, renderGraphError } from './graphErrors.ts';
import type { GraphAnswer } from './graphErrors.ts';
import { pageOf, renderPage } from './graphPages.ts';
import type { RecordedRequest } from './requestRecord.ts';

type Row = Readonly<Record<string, unknown>>;

interface GraphCall {
  readonly emulator: Emulator;
  readonly holder: AccessTokenHolder;
  /** Below `/graph/v1.0`, with the query. */
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

const mayReadGroups = (holder: AccessTokenHolder): boolean =>
  holder.kind === 'application' ||
  holder.scopes.some((scope) =>
    ['GroupMember.Read.All', 'Group.Read.All', 'Directory.Read.All'].includes(scope),
  );

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

/** Without a permission on groups, Graph gives their ids and nothing else: every other field is null. */
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

function readMemberships(call: GraphCall, person: Person | undefined, groupsOnly: boolean): GraphAnswer {
  if (person === undefined) {
    return notFound('me');
  }
  const rows = renderMemberships(call.emulator.directory(), person, mayReadGroups(call.holder));
  const isGroup = (row: Row): boolean => row['@odata.type'] === '#microsoft.graph.group';
  return renderPage(call.emulator, call.url, groupsOnly ? rows.filter(isGroup) : rows);
}

function readMe(call: GraphCall, rest: readonly string[]): GraphAnswer {
  if (call.holder.kind !== 'delegated') {
    return delegatedOnly;
  }
  const { personId, scopes } = call.holder;
  const person = findPerson(call.emulator.directory(), personId);
  if (!scopes.some((scope) => scope.startsWith('User.Read')) || person?.enabled === false) {
    return forbidden;
  }
  const [collection, cast] = rest;
  if (collection === undefined) {
    return person === undefined ? notFound(personId) : { status: 200, body: renderPerson(person) };
  }
  return collection === 'memberOf' && (cast === undefined || cast === 'microsoft.graph.group')
    ? readMemberships(call, person, cast !== undefined)
    : unsupported;
}

function readAssignments(call: GraphCall, servicePrincipalId: string): GraphAnswer {
  const directory = call.emulator.directory();
  if (call.holder.kind !== 'application') {
    return forbidden;
  }
  return servicePrincipalId === directory.application.servicePrincipalId
    ? renderPage(call.emulator, call.url, appRoleAssignments(directory))
    : notFound(servicePrincipalId);
}

function dispatch(call: GraphCall): GraphAnswer {
  const directory = call.emulator.directory();
  const [collection, id, ...rest] = call.url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  if (collection === 'me') {
    return readMe(call, id === undefined ? [] : [id, ...rest]);
  }
  if (call.holder.kind === 'application' && call.emulator.faults.current.graphPermissionMissing === true) {
    return forbidden;
  }
  if (collection === 'servicePrincipals' && id !== undefined && rest.join('/') === 'appRoleAssignedTo') {
    return readAssignments(call, id);
  }
  if (collection === 'groups' && id !== undefined && rest.length === 0) {
    const group = directory.groups.find((each) => each.id === id);
    const isReadable = mayReadGroups(call.holder);
    return group === undefined
      ? notFound(id)
      : isReadable
        ? { status: 200, body: renderGroup(group, true) }
        : forbidden;
  }
  if (collection === 'users' && id !== undefined && call.holder.kind === 'application') {
    const person = findPerson(directory, id);
    if (person === undefined) {
      return notFound(id);
    }
    return rest.length === 0
      ? { status: 200, body: renderPerson(person) }
      : rest.join('/') === 'memberOf'
        ? readMemberships(call, person, false)
        : unsupported;
  }
  return unsupported;
}

const batchSchema = z.object({
  requests: z
    .array(z.object({ id: z.string(), method: z.string(), url: z.string() }))
    .min(1)
    .max(20),
});

async function answerBatch(call: GraphCall, request: IncomingMessage): Promise<GraphAnswer> {
  let batch: z.infer<typeof batchSchema>;
  try {
    batch = batchSchema.parse(JSON.parse(await text(request)));
  } catch {
    return graphFailure(400, 'BadRequest', 'Invalid batch payload format.');
  }
  const responses = batch.requests.map((each) => {
    const url = new URL(each.url.replace(/^\/*/, '/'), 'https://graph.invalid');
    const answered = each.method === 'GET' ? dispatch({ ...call, url }) : unsupported;
    return {
      id: each.id,
      status: answered.status,
      headers: { 'Content-Type': 'application/json' },
      body: 'failure' in answered ? renderGraphError(answered.failure, call.emulator.now()) : answered.body,
    };
  });
  return { status: 200, body: { responses } };
}

async function answerAuthorized(call: GraphCall, request: IncomingMessage): Promise<GraphAnswer> {
  if (request.method === 'POST' && call.url.pathname === '/$batch') {
    return answerBatch(call, request);
  }
  return request.method === 'GET'
    ? dispatch(call)
    : graphFailure(405, 'Request_BadRequest', 'Method not allowed.');
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

  const fault = emulator.faults.take(
    'graph',
    (each) =>
      (each.pathIncludes === undefined || recorded.path.includes(each.pathIncludes)) &&
      (each.page === undefined || each.page === pageOf(url)),
  );
  const renderFault = (status: number): object =>
    renderGraphError(
      { code: failureCodes.get(status) ?? 'UnknownError', message: 'As switched on.' },
      emulator.now(),
    );
  if (await actOutFault(fault, response, renderFault)) {
    return;
  }
  const answered =
    holder === undefined
      ? graphFailure(
          401,
          'InvalidAuthenticationToken',
          token === undefined ? 'Access token is empty.' : 'Access token validation failure.',
        )
      : await answerAuthorized({ emulator, holder, url }, request);
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

/** Whether a path is Graph's. */
export const isGraphPath = (emulator: Emulator, path: string): boolean =>
  path.startsWith(`${new URL(graphBaseUrl(emulator)).pathname}/`);

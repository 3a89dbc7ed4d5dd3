/** The endpoint from which an app on App Service gets tokens of its managed identity, for a federated credential. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SignJWT } from 'jose';

import { federatedAudience } from './clientAssertion.ts';
import { issuerOf } from './emulator.ts';
import type { Emulator } from './emulator.ts';

const lifetimeSeconds = 3600;

/** Answers a request for a managed identity's token. It issues tokens only for the audience of federated credentials. */
export async function handleManagedIdentity(
  emulator: Emulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const query = new URL(request.url ?? '/', emulator.browserOrigin).searchParams;
  const resource = query.get('resource')?.replace(/\/$/, '');
  const identity = emulator
    .directory()
    .application.managedIdentities.find((each) => each.clientId === query.get('client_id'));
  const isAllowed = request.headers['x-identity-header'] === emulator.managedIdentityHeader;
  if (!isAllowed || identity === undefined || resource !== federatedAudience) {
    response.writeHead(isAllowed ? 400 : 403, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        statusCode: isAllowed ? 400 : 403,
        message: 'The managed identity or the resource is unknown',
      }),
    );
    return;
  }
  const nowSeconds = Math.floor(emulator.now().getTime() / 1000);
  const token = await new SignJWT({ oid: identity.principalId, tid: emulator.directory().tenantId })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: emulator.keys.keyId })
    .setIssuer(issuerOf(emulator))
    .setSubject(identity.principalId)
    .setAudience(federatedAudience)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + lifetimeSeconds)
    .sign(emulator.keys.privateKey);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      access_token: token,
      expires_on: String(nowSeconds + lifetimeSeconds),
      resource,
      token_type: 'Bearer',
      client_id: identity.clientId,
    }),
  );
}

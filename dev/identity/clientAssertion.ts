/**
 * Credentials other than a secret: a certificate's assertion, or a managed identity's token as federated credential.
 * Entra accepts several kinds for one application, but the provider only one kind for a client. So this file verifies
 * the others, and the request then continues with the secret in their place.
 */
import { createPublicKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { decodeJwt, jwtVerify } from 'jose';

import type { Emulator } from './emulator.ts';
import { issuerOf, tenantPath } from './emulator.ts';
import { entraErrors } from './entraErrors.ts';
import type { EntraError } from './entraErrors.ts';
import { routes } from './provider.ts';

/** The same as Entra's. MSAL rounds its clock up, so that its assertions begin in the next second. */
const clockToleranceSeconds = 300;

export const federatedAudience = 'api://AzureADTokenExchange';

function readPublicKey(pem: string): KeyObject {
  return pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
}

async function verifyFederated(emulator: Emulator, assertion: string): Promise<EntraError | undefined> {
  const { managedIdentities } = emulator.directory().application;
  try {
    const { payload } = await jwtVerify(assertion, emulator.keys.publicKey, {
      algorithms: ['RS256'],
      issuer: issuerOf(emulator),
      audience: federatedAudience,
      currentDate: emulator.now(),
      clockTolerance: clockToleranceSeconds,
    });
    return managedIdentities.some((identity) => identity.principalId === payload.sub)
      ? undefined
      : entraErrors.federatedCredentialUnknown;
  } catch {
    return entraErrors.federatedCredentialUnknown;
  }
}

async function verifyCertificate(emulator: Emulator, assertion: string): Promise<EntraError | undefined> {
  const { certificates, clientId } = emulator.directory().application;
  const tokenEndpoint = `${emulator.origin}${tenantPath(emulator)}${routes.token}`;
  for (const certificate of certificates) {
    try {
      await jwtVerify(assertion, readPublicKey(certificate), {
        algorithms: ['RS256', 'PS256'],
        issuer: clientId,
        subject: clientId,
        audience: [tokenEndpoint, issuerOf(emulator)],
        requiredClaims: ['exp', 'jti'],
        currentDate: emulator.now(),
        clockTolerance: clockToleranceSeconds,
      });
      return undefined;
    } catch {
      // Another registered certificate may fit.
    }
  }
  return entraErrors.clientAssertionWrong;
}

/** Verifies a `client_assertion`. Returns Entra's refusal, or `undefined` if it proves the application. */
export async function verifyClientAssertion(
  emulator: Emulator,
  assertion: string,
): Promise<EntraError | undefined> {
  let issuer: string | undefined;
  try {
    issuer = decodeJwt(assertion).iss;
  } catch {
    return entraErrors.clientAssertionWrong;
  }
  return issuer === emulator.directory().application.clientId
    ? verifyCertificate(emulator, assertion)
    : verifyFederated(emulator, assertion);
}

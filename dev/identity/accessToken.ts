/** Access tokens for the emulated Graph. They are signed, so they stay valid when the emulator restarts. */
import { randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';

import type { Emulator } from './emulator.ts';

const audience = 'https://graph.microsoft.com';
const lifetimeSeconds = 3600;

const claimsSchema = z.union([
  z.object({ idtyp: z.literal('user'), oid: z.string(), scp: z.string() }),
  z.object({ idtyp: z.literal('app'), oid: z.string(), roles: z.array(z.string()) }),
]);

/** The owner of a token, and what it allows. */
export type AccessTokenHolder =
  | { readonly kind: 'delegated'; readonly personId: string; readonly scopes: readonly string[] }
  | { readonly kind: 'application' };

/** The application's own permissions, which an administrator has granted. */
const applicationPermissions = ['Application.Read.All', 'GroupMember.Read.All', 'User.Read.All'];

/** Signs a token that is valid for an hour. */
export async function signAccessToken(emulator: Emulator, holder: AccessTokenHolder): Promise<string> {
  const directory = emulator.directory();
  const { clientId, servicePrincipalId } = directory.application;
  const nowSeconds = Math.floor(emulator.now().getTime() / 1000);
  const claims =
    holder.kind === 'delegated'
      ? { idtyp: 'user', oid: holder.personId, scp: holder.scopes.join(' ') }
      : { idtyp: 'app', oid: servicePrincipalId, roles: applicationPermissions };
  return new SignJWT({ ...claims, tid: directory.tenantId, appid: clientId, ver: '1.0' })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: emulator.keys.keyId })
    .setIssuer(`https://sts.windows.net/${directory.tenantId}/`)
    .setAudience(audience)
    .setIssuedAt(nowSeconds)
    .setNotBefore(nowSeconds)
    .setExpirationTime(nowSeconds + lifetimeSeconds)
    .setJti(randomUUID())
    .sign(emulator.keys.privateKey);
}

/** Finds the owner of a token. Returns `undefined` for a token that is forged, expired or for another audience. */
export async function findAccessTokenHolder(
  emulator: Emulator,
  token: string,
): Promise<AccessTokenHolder | undefined> {
  try {
    const { payload } = await jwtVerify(token, emulator.keys.publicKey, {
      algorithms: ['RS256'],
      audience,
      issuer: `https://sts.windows.net/${emulator.directory().tenantId}/`,
      currentDate: emulator.now(),
      clockTolerance: 5,
    });
    const claims = claimsSchema.parse(payload);
    return claims.idtyp === 'app'
      ? { kind: 'application' }
      : { kind: 'delegated', personId: claims.oid, scopes: claims.scp.split(' ') };
  } catch {
    // Graph does not say what is wrong with a token.
    return undefined;
  }
}

/** How long a token is valid, for the token endpoint's answer. */
export const accessTokenLifetimeSeconds = lifetimeSeconds;

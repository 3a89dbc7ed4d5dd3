/** Forged id_tokens. Nothing else replaces the provider's own tokens. */
import { createHmac } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';

import type { Emulator } from './emulator.ts';
import type { Faults } from './faults.ts';

function isForged(faults: Faults): boolean {
  return (
    (faults.wrongKey ?? false) !== false ||
    faults.algNone === true ||
    faults.algHs256 === true ||
    faults.claimsOverride !== undefined ||
    (faults.clockSkewSeconds ?? 0) !== 0
  );
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function withoutNulls(claims: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null));
}

function signWithPublicKey(emulator: Emulator, claims: object): string {
  const secret = emulator.keys.publicKey.export({ type: 'spki', format: 'pem' });
  const signed = `${encode({ alg: 'HS256', typ: 'JWT', kid: emulator.keys.keyId })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/**
 * Returns the id_token that the fault switches ask for: with other claims, another clock, key or algorithm. With all of
 * them off, returns the provider's own token unchanged.
 */
export async function forgeIdToken(emulator: Emulator, idToken: string): Promise<string> {
  const faults = emulator.faults.current;
  if (!isForged(faults)) {
    return idToken;
  }
  const genuine = decodeJwt(idToken);
  const skewedExpiry = (genuine.exp ?? 0) + (faults.clockSkewSeconds ?? 0);
  const claims = withoutNulls({ ...genuine, exp: skewedExpiry, ...faults.claimsOverride });
  if (faults.algNone === true) {
    return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;
  }
  if (faults.algHs256 === true) {
    return signWithPublicKey(emulator, claims);
  }
  const keyId = faults.wrongKey === 'unknownKid' ? `unpublished-${emulator.keys.keyId}` : emulator.keys.keyId;
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: keyId })
    .sign((faults.wrongKey ?? false) === false ? emulator.keys.privateKey : emulator.keys.unpublishedKey());
}

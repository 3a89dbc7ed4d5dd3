/** Forged id_tokens. Nothing else replaces the provider's own tokens. */
import { createHmac, createPublicKey } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';

import type { Emulator } from './emulator.ts';
import type { Faults } from './faults.ts';
import { exportSigningKey } from './signingKeys.ts';

function isForged(faults: Faults): boolean {
  return (
    (faults.wrongKey ?? false) !== false ||
    faults.signingKey !== undefined ||
    faults.algNone === true ||
    faults.algHs256 === true ||
    faults.claimsOverride !== undefined ||
    (faults.clockSkewSeconds ?? 0) !== 0
  );
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Returns the fields that are not `null`: that is how a switch removes one. */
export function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
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
  const isOtherId = faults.wrongKey === 'unknownKid' || faults.signingKey !== undefined;
  const isOtherKey = isOtherId || faults.wrongKey === true;
  return new SignJWT(claims)
    .setProtectedHeader({
      alg: 'RS256',
      typ: 'JWT',
      kid: isOtherId ? otherKeyId(emulator) : emulator.keys.keyId,
    })
    .sign(isOtherKey ? emulator.keys.unpublishedKey() : emulator.keys.privateKey);
}

/** Each switch has its own key id: an application does not ask at once again for one that it just missed. */
const otherKeyId = (emulator: Emulator): string =>
  `${emulator.faults.current.signingKey ?? 'unpublished'}-${emulator.keys.keyId}`;

/**
 * Returns the tenant's keys together with the other key, where the switch `signingKey` publishes it for this request. Otherwise
 * returns `undefined`, and the provider answers.
 */
export function renderOtherKeys(emulator: Emulator, query: URLSearchParams): object | undefined {
  const { signingKey } = emulator.faults.current;
  const isForUs = query.get('appid') === emulator.directory().application.clientId;
  if (signingKey === undefined || (signingKey === 'application' && !isForUs)) {
    return undefined;
  }
  const { keys } = emulator;
  return {
    keys: [
      exportSigningKey(keys.publicKey, keys.keyId),
      exportSigningKey(createPublicKey(keys.unpublishedKey()), otherKeyId(emulator)),
    ],
  };
}

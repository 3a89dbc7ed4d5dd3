/** The key with which the emulated tenant signs, and one that it never publishes. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface SigningKeys {
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Creates the key at the first call. */
  readonly unpublishedKey: () => KeyObject;
}

/** Creates an RSA key, as PKCS #8 PEM. */
export function createSigningKeyPem(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Opens the key in a PEM text. The key id is derived from the key. */
export function openSigningKeys(pem: string): SigningKeys {
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  const keyId = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
    .slice(0, 27);
  let unpublished: KeyObject | undefined;
  return {
    keyId,
    privateKey,
    publicKey,
    unpublishedKey: () => (unpublished ??= createPrivateKey(createSigningKeyPem())),
  };
}

/** Returns a key as a JSON Web Key for signing with RS256: with its private part, if it has one. */
export function exportSigningKey(key: KeyObject, keyId: string): object {
  return { ...key.export({ format: 'jwk' }), kid: keyId, use: 'sig', alg: 'RS256' };
}

/** A double of Entra ID's token and key endpoints as a `fetch`. It checks codes, PKCE and credentials, and records requests. */
import { createHash, randomUUID } from 'node:crypto';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { z } from 'zod';
import { type Config, Secret } from '../../shared/config/config.ts';
import type { Clock } from '../../shared/model/ports.ts';
import { CLIENT_ID, PUBLIC_URL, TENANT_ID } from './signInDoubles.ts';

export const REDIRECT_URI = `${PUBLIC_URL}/sso/callback`;
const ISSUER = `https://login.microsoftonline.com/${TENANT_ID}/v2.0`;
const KEY_ID = 'key-1';

export function createEntraConfig(parts: Partial<Config['entra']> = {}): Config['entra'] {
  const authority = `https://login.microsoftonline.com/${TENANT_ID}`;
  return {
    tenantId: TENANT_ID,
    clientId: CLIENT_ID,
    credential: { kind: 'secret', secret: new Secret('client-secret') },
    groupsClaimIsApplicationGroup: true,
    authority,
    issuer: ISSUER,
    jwksUri: `${authority}/discovery/v2.0/keys`,
    authorizationEndpoint: `${authority}/oauth2/v2.0/authorize`,
    tokenEndpoint: `${authority}/oauth2/v2.0/token`,
    graphBaseUrl: 'https://graph.microsoft.com/v1.0',
    endpointsAreOverridden: false,
    ...parts,
  };
}

/** A function with which a test signs the claims of an id_token in its own way. */
export type Forge = (claims: JWTPayload, keys: EntraKeys) => Promise<string>;

export interface EntraKeys {
  sign(claims: JWTPayload, header?: { readonly alg?: string; readonly kid?: string }): Promise<string>;
  /** The public key. */
  readonly publicPem: string;
}

export interface EntraDouble {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Method and path of every request, in order. */
  readonly requests: string[];
  /** The address of every request, in order. */
  readonly urls: URL[];
  /** The forms that were sent to the token endpoint, in order. */
  readonly forms: URLSearchParams[];
  /** Signs a person in at an authorize URL. Returns a code for these claims. */
  authorize(authorizeUrl: string, person?: { readonly claims?: JWTPayload; readonly forge?: Forge }): string;
  /** Publishes the signing key under one more key id. */
  publish(keyId: string): void;
  /** Replaces the answer to every request whose path ends with `pathEnd`. `undefined` restores the normal answer. */
  intercept(pathEnd: string, answer: ((signal: AbortSignal) => Promise<Response>) | undefined): void;
}

const authorizeSchema = z.object({
  nonce: z.string(),
  code_challenge: z.string(),
  code_challenge_method: z.literal('S256'),
  redirect_uri: z.string(),
  client_id: z.string(),
});

interface Grant extends z.infer<typeof authorizeSchema> {
  readonly idToken: () => Promise<string>;
}

/** Creates the keys once per test file, because an RSA key takes long to create. */
const keyPair = generateKeyPair('RS256', { extractable: true });

export async function createEntraDouble(clock: Clock): Promise<EntraDouble> {
  const { privateKey, publicKey } = await keyPair;
  const keys: EntraKeys = {
    publicPem: await exportSPKI(publicKey),
    sign: (claims, { alg = 'RS256', kid = KEY_ID } = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'JWT' }).sign(privateKey),
  };
  const jwk = { ...(await exportJWK(publicKey)), use: 'sig' };
  const keyIds = [KEY_ID];
  const urls: URL[] = [];
  const grants = new Map<string, Grant>();
  const requests: string[] = [];
  const forms: URLSearchParams[] = [];
  const intercepted = new Map<string, (signal: AbortSignal) => Promise<Response>>();

  const redeem = async (form: URLSearchParams): Promise<Response> => {
    const proven =
      form.get('client_secret') === 'client-secret' || form.get('client_assertion') === 'managed-token';
    if (!proven) return refuse('invalid_client', 7_000_215, { status: 401 });
    if (form.get('grant_type') === 'client_credentials') {
      return Response.json({
        token_type: 'Bearer',
        expires_in: 3600,
        access_token: `app-token-${forms.length}`,
      });
    }
    const code = form.get('code') ?? '';
    const grant = grants.get(code);
    grants.delete(code);
    if (grant === undefined) return refuse('invalid_grant', 54_005);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (challenge !== grant.code_challenge) return refuse('invalid_grant', 501_481);
    if (form.get('redirect_uri') !== grant.redirect_uri) return refuse('invalid_client', 500_112);
    return Response.json(
      {
        token_type: 'Bearer',
        scope: 'openid profile email User.Read',
        expires_in: 3600,
        access_token: 'person-token',
        refresh_token: 'refresh-token',
        id_token: await grant.idToken(),
      },
      { headers: { Date: clock.now().toUTCString() } },
    );
  };

  return {
    requests,
    urls,
    forms,
    async fetch(url, init) {
      const { pathname } = new URL(url);
      urls.push(new URL(url));
      requests.push(`${init.method ?? 'GET'} ${pathname.replace(`/${TENANT_ID}`, '')}`);
      for (const [end, answer] of intercepted) {
        if (pathname.endsWith(end)) return answer(init.signal ?? new AbortController().signal);
      }
      if (pathname.endsWith('/keys')) return Response.json({ keys: keyIds.map((kid) => ({ ...jwk, kid })) });
      if (!pathname.endsWith('/token')) return new Response('not found', { status: 404 });
      const form = new URLSearchParams(typeof init.body === 'string' ? init.body : '');
      forms.push(form);
      return redeem(form);
    },
    authorize(authorizeUrl, { claims = {}, forge } = {}) {
      const asked = authorizeSchema.parse(Object.fromEntries(new URL(authorizeUrl).searchParams));
      const code = randomUUID();
      // Entra dates its tokens back by five minutes. They are valid for one hour from now.
      const issuedAt = Math.floor(clock.now().getTime() / 1000) - 300;
      grants.set(code, {
        ...asked,
        idToken: () =>
          (forge ?? ((all: JWTPayload) => keys.sign(all)))(
            {
              iss: ISSUER,
              aud: asked.client_id,
              iat: issuedAt,
              nbf: issuedAt,
              exp: issuedAt + 3900,
              oid: 'alice-oid',
              sub: 'alice-sub',
              tid: TENANT_ID,
              nonce: asked.nonce,
              name: 'Alice',
              preferred_username: 'alice@company.com',
              groups: ['entra-group-123'],
              ...claims,
            },
            keys,
          ),
      });
      return code;
    },
    publish(keyId) {
      keyIds.push(keyId);
    },
    intercept(pathEnd, answer) {
      if (answer === undefined) intercepted.delete(pathEnd);
      else intercepted.set(pathEnd, answer);
    },
  };
}

/** Returns a refusal of Entra's token endpoint. Its description names a person, as Entra's often do. */
export function refuse(
  error: string,
  number: number,
  more: { readonly status?: number; readonly suberror?: string; readonly claims?: string } = {},
): Response {
  const { status = 400, ...fields } = more;
  return Response.json(
    {
      error,
      error_description: `AADSTS${number}: alice@company.com was refused. Trace ID: x Correlation ID: y`,
      error_codes: [number],
      correlation_id: 'y',
      ...fields,
    },
    { status },
  );
}

/** The ways to answer a callback that are compared. */
import { createHash, randomBytes } from 'node:crypto';
import { Agent as HttpAgent, request as requestHttp, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { QueueClient, QueueSASPermissions } from '@azure/storage-queue';
import { createAppTokens } from '../../shared/microsoft/appTokens.ts';
import { createMsalClient } from '../../shared/microsoft/msalClient.ts';
import { createStorageQueue } from '../../shared/queue/storageQueue.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { requireApp, requireConfig } from '../../shared/app.ts';
import { fetchOf } from '../../shared/platform/fetchOf.ts';
import type { Config } from '../../shared/config/config.ts';
import { PROVISION_QUEUE } from '../../shared/queue/queueNames.ts';
import { serializeProvisionMessage } from '../../shared/queue/provisionMessage.ts';
import type { RedeemRequest } from '../../shared/model/ports.ts';
import { loadFunction } from '../support/loadFunction.ts';
import { type BaselineDeps, signInBaseline } from './baseline/signInBaseline.ts';
import { groupCountOf, groupIdOf } from './signInTenant.ts';

/** `exchange`: the bare exchange on the product's clients. `bare`: the same on plain HTTP, which is less than any client does. */
export const variantNames = ['ours', 'baseline', 'exchange', 'bare'] as const;
export type VariantName = (typeof variantNames)[number];

export interface VariantAnswer {
  readonly status: number;
  readonly location: string;
  /** `name=value` */
  readonly cookies: readonly string[];
}

/** Answers the two requests of a sign-in, as `/sso/login` and `/sso/callback`. */
export type AnswerVariant = (url: URL, cookie: string) => Promise<VariantAnswer>;

/** Gives a variant, from this process's settings. */
export async function createVariant(name: VariantName): Promise<AnswerVariant> {
  if (name === 'ours') return createOurs();
  if (name === 'baseline') return createShell(createBaseline());
  return createShell(name === 'exchange' ? createExchange() : await createBare());
}

/** The product's own functions as the worker calls them, with everything that they do around the flow. */
async function createOurs(): Promise<AnswerVariant> {
  const login = await loadFunction('login', () => import('../../functions/login.ts'));
  const callback = await loadFunction('callback', () => import('../../functions/callback.ts'));
  return async (url, cookie) => {
    const call = url.pathname === '/sso/login' ? login : callback;
    const { answer } = await call({ method: 'GET', url: url.href, headers: { cookie } });
    const headers = new Headers(
      Object.entries(answer.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    return {
      status: answer.status ?? 200,
      location: headers.get('location') ?? '',
      cookies: (answer.cookies ?? [])
        .filter(({ maxAge }) => maxAge !== 0)
        .map(({ name, value }) => `${name}=${value}`),
    };
  };
}

interface KeptAttempt extends RedeemRequest {
  readonly login: string;
}

type Complete = (attempt: KeptAttempt) => Promise<void>;

/** The others keep their attempts in memory and seal nothing, which costs them less than it costs us. */
function createShell(complete: Complete): AnswerVariant {
  const attempts = new Map<string, Omit<KeptAttempt, 'code'>>();
  return async (url) => {
    if (url.pathname === '/sso/login') {
      const login = url.searchParams.get('login_hint') ?? '';
      const [state, nonce, codeVerifier] = [randomText(), randomText(), randomText()];
      attempts.set(state, { login, nonce, codeVerifier });
      const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
      const location = await requireApp().login.identity.createAuthorizeUrl({
        state,
        nonce,
        codeChallenge,
        loginHint: login,
      });
      return { status: 302, location, cookies: [] };
    }
    const state = url.searchParams.get('state') ?? '';
    const attempt = attempts.get(state);
    if (attempt === undefined) return { status: 400, location: '', cookies: [] };
    attempts.delete(state);
    await complete({ ...attempt, code: url.searchParams.get('code') ?? '' });
    return { status: 302, location: '/', cookies: [] };
  };
}

function randomText(): string {
  return randomBytes(32).toString('base64url');
}

/** The baseline's parts, from this process's settings: our adapters wherever there is one. */
export function createBaselineDeps(config: Config, identity: BaselineDeps['identity']): BaselineDeps {
  const { entra } = config;
  const appTokens = createAppTokens({
    entra,
    fetch: fetchOf('entra'),
    timeoutMs: 10_000,
    clock: { now: () => new Date() },
  });
  return {
    identity,
    appToken: async () => (await appTokens()).token,
    fetch: fetchOf('graph'),
    graphBaseUrl: entra.graphBaseUrl,
    servicePrincipalId: entra.servicePrincipalId ?? '',
    tables: createAzureTables({
      connection: { kind: 'connectionString', connectionString: storageOf(config) },
    }),
  };
}

function createBaseline(): Complete {
  const deps = createBaselineDeps(requireConfig(), requireApp().login.identity);
  return async (attempt) => signInBaseline(deps, attempt);
}

/**
 * One token request by MSAL and one put by the storage SDK, as the product sets them up: what is left is what the product adds.
 * The token is not verified, and the message is as long as ours.
 */
function createExchange(): Complete {
  const { entra, redirectUri, storage } = requireConfig();
  const queue = createStorageQueue({ storage, queueName: PROVISION_QUEUE });
  return async ({ login, code, codeVerifier, nonce }) => {
    const client = createMsalClient({ entra, fetch: fetchOf('entra'), timeoutMs: 10_000 });
    await client.acquireTokenByCode({
      scopes: ['openid', 'profile', 'email', 'User.Read'],
      redirectUri,
      code,
      codeVerifier,
      nonce,
    });
    await queue.enqueue(messageOf(groupCountOf(login)));
  };
}

/** The least that any such sign-in needs: Microsoft's answer, not even looked at, and a message as long as ours. */
async function createBare(): Promise<Complete> {
  const config = requireConfig();
  const { entra } = config;
  const secure = new HttpsAgent({ keepAlive: true });
  const plain = new HttpAgent({ keepAlive: true });
  // Signed once, so that a put costs no signature.
  const queue = new QueueClient(storageOf(config), PROVISION_QUEUE);
  const signed = new URL(
    queue.generateSasUrl({
      permissions: QueueSASPermissions.parse('a'),
      expiresOn: new Date(Date.now() + 24 * 3_600_000),
    }),
  );
  const putPath = `${signed.pathname}/messages${signed.search}&messagettl=-1`;
  const token = new URL(entra.tokenEndpoint);
  return async ({ login, code, codeVerifier }) => {
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: entra.clientId,
      client_secret: entra.credential.kind === 'secret' ? entra.credential.secret.reveal() : '',
      scope: 'openid profile email User.Read',
      redirect_uri: config.redirectUri,
      code,
      code_verifier: codeVerifier,
    });
    await post(requestHttps, {
      ...addressOf(token, token.pathname),
      agent: secure,
      body: form.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      status: 200,
    });
    await post(requestHttp, {
      ...addressOf(signed, putPath),
      agent: plain,
      body: messageXml(groupCountOf(login)),
      headers: { 'content-type': 'application/xml', 'x-ms-version': '2024-11-04' },
      status: 201,
    });
  };
}

function addressOf(url: URL, path: string): Pick<RequestOptions, 'host' | 'port' | 'path'> {
  return { host: url.hostname, port: url.port, path };
}

const messages = new Map<number, string>();

/** A message for a person in so many groups, as long as the product's. */
function messageOf(groups: number): string {
  let message = messages.get(groups);
  if (message === undefined) {
    const at = new Date().toISOString();
    message = serializeProvisionMessage({
      version: 1,
      id: '00000000-0000-7000-8000-000000000000',
      observed_at: at,
      person: {
        user_id: '00000000-0000-4000-8000-000000000000',
        tenant_id: requireConfig().entra.tenantId,
        display_name: `Person 10 in ${groups} groups`,
        user_email: `in-${groups}-10@company.com`,
        app_roles: [],
      },
      groups_source: 'claim',
      group_ids: Array.from({ length: groups }, (_, index) => groupIdOf(index)),
      enqueued_at: at,
    });
    messages.set(groups, message);
  }
  return message;
}

const bodies = new Map<number, string>();

/** The put's body for a person in so many groups. */
function messageXml(groups: number): string {
  let xml = bodies.get(groups);
  if (xml === undefined) {
    const encoded = Buffer.from(messageOf(groups)).toString('base64');
    xml = `<?xml version="1.0" encoding="UTF-8"?><QueueMessage><MessageText>${encoded}</MessageText></QueueMessage>`;
    bodies.set(groups, xml);
  }
  return xml;
}

interface Post extends RequestOptions {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What it must answer. */
  readonly status: number;
}

/** Repeats once what met a connection that the server was just closing; the product would not, so it can only be the slower for it. */
async function post(send: typeof requestHttp | typeof requestHttps, options: Post): Promise<string> {
  try {
    return await postOnce(send, options);
  } catch (error) {
    if (error instanceof StaleConnection) return postOnce(send, options);
    throw error;
  }
}

class StaleConnection extends Error {}

async function postOnce(send: typeof requestHttp | typeof requestHttps, options: Post): Promise<string> {
  const { body, status, headers, ...rest } = options;
  return new Promise((resolve, reject) => {
    const length = Buffer.byteLength(body);
    const sent = send(
      { ...rest, method: 'POST', headers: { ...headers, 'content-length': length } },
      (answer) => {
        if (answer.statusCode === status) text(answer).then(resolve, reject);
        else {
          answer.resume();
          reject(new Error(`${String(options.path).split('?')[0]} answered ${answer.statusCode}`));
        }
      },
    );
    sent.on('error', (error) => {
      reject(sent.reusedSocket ? new StaleConnection('closed', { cause: error }) : error);
    });
    sent.end(body);
  });
}

function storageOf(config: Config): string {
  if (config.storage.kind !== 'connectionString') throw new Error('The benchmarks use an emulator');
  return config.storage.connectionString.reveal();
}

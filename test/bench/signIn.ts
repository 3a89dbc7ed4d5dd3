/**
 * Measures the time that the product adds to a sign-in. Compares the callback's function with a bare exchange by the same
 * clients. The bare exchange redeems the code with MSAL and enqueues a message of the same length. It verifies, opens and seals
 * nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { QueueClient } from '@azure/storage-queue';
import { walkSignIn } from '../../dev/identity/signInWalk.ts';
import { registerBrowserText } from '../../dev/build/browserText.ts';
import { createStackSettings } from '../../dev/stack/stackSettings.ts';
import { createMsalClient } from '../../shared/microsoft/msalClient.ts';
import { createStorageQueue } from '../../shared/queue/storageQueue.ts';
import { requireApp, requireConfig } from '../../shared/app.ts';
import { outgoingFetch } from '../../shared/platform/outgoingFetch.ts';
import { PROVISION_QUEUE } from '../../shared/queue/queueMessage.ts';
import { startEmulators } from '../support/emulators.ts';
import { loadFunction } from '../support/loadFunction.ts';
import { createTenant, loginOf } from '../support/signInTenant.ts';
import { type Benchmark, median, renderMs, renderRatio, type Table } from './report.ts';

/**
 * The measured numbers of groups. Entra's token lists up to 200. For more, the product asks Graph, and the bare exchange
 * doesn't.
 */
const GROUP_COUNTS = [1, 10, 100, 200, 250];
const ROUNDS = 12;
/** The number of sign-ins in a round. The result of a round is their median. */
const SIGN_INS_A_ROUND = 8;
const WARM_UP_SIGN_INS = 30;

/**
 * The two ways. Each does one sign-in and returns the milliseconds from the callback on, without the time at Microsoft before.
 */
type SignIn = (login: string) => Promise<number>;

export const signIn: Benchmark = async ({ log }) => {
  const tenant = createTenant({ assignedGroups: 300, groupCounts: GROUP_COUNTS });
  const emulators = await startEmulators(tenant);
  const { identity, connectionString } = emulators;
  const shellSettings = process.env;
  // The functions read the settings of their process, as in Azure. The variables of the shell must not count.
  process.env = createStackSettings({
    url: 'http://localhost:7071',
    identity,
    storageConnectionString: connectionString,
    given: {},
  });
  const queue = new QueueClient(connectionString, PROVISION_QUEUE);
  try {
    const ours = await createOurs();
    const rows: string[][] = [];
    for (const groups of GROUP_COUNTS) {
      log(`${groups} groups`);
      await queue.clearMessages();
      await ours(loginOf(groups, 0));
      const exchange = createExchange(await readMessage(queue));
      rows.push(await measure(groups, ours, exchange));
    }
    return [renderRows(rows)];
  } finally {
    process.env = shellSettings;
    await emulators.stop();
  }
};

/** Runs both in turns and alternates which one goes first, so that drift of the machine affects both. */
async function measure(groups: number, ours: SignIn, exchange: SignIn): Promise<string[]> {
  const login = loginOf(groups, 1);
  for (let count = 0; count < WARM_UP_SIGN_INS; count += 1) {
    await ours(login);
    await exchange(login);
  }
  const times: { readonly ours: number[]; readonly exchange: number[] } = { ours: [], exchange: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const samples: typeof times = { ours: [], exchange: [] };
    for (let count = 0; count < SIGN_INS_A_ROUND; count += 1) {
      if (count % 2 === 0) samples.ours.push(await ours(login));
      samples.exchange.push(await exchange(login));
      if (count % 2 === 1) samples.ours.push(await ours(login));
    }
    times.ours.push(median(samples.ours));
    times.exchange.push(median(samples.exchange));
  }
  const added = times.ours.map((ms, round) => ms - (times.exchange[round] ?? Number.NaN));
  return [
    groups > 200 ? `${groups} (Graph is asked)` : String(groups),
    renderMs(times.exchange),
    renderMs(times.ours),
    renderMs(added),
    renderRatio(times.ours, times.exchange),
  ];
}

/** Returns the way of the product: its own functions as the worker calls them. */
async function createOurs(): Promise<SignIn> {
  registerBrowserText();
  const login = await loadFunction('login', () => import('../../functions/login.ts'));
  const callback = await loadFunction('callback', () => import('../../functions/callback.ts'));
  return async (person) => {
    const started = await login({ method: 'GET', url: `${requireConfig().publicUrl}/sso/login` });
    const location = new Headers(toPairs(started.answer.headers)).get('location') ?? '';
    const url = await walk(location, person);
    const cookie = (started.answer.cookies ?? []).map(({ name, value }) => `${name}=${value}`).join('; ');
    const startMs = performance.now();
    const { answer, logged } = await callback({ method: 'GET', url: url.href, headers: { cookie } });
    const tookMs = performance.now() - startMs;
    if (answer.status !== 302)
      throw new Error(`The callback answered ${answer.status}: ${logged.join('\n')}`);
    return tookMs;
  };
}

function toPairs(headers: object | undefined): [string, string][] {
  return Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]);
}

function createExchange(message: string): SignIn {
  const { entra, redirectUri, storage } = requireConfig();
  const queue = createStorageQueue({ storage, queueName: PROVISION_QUEUE });
  return async (person) => {
    const [state, nonce, codeVerifier] = [randomText(), randomText(), randomText()];
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
    const attempt = { state, nonce, codeChallenge };
    const url = await walk(await requireApp().login.identity.createAuthorizeUrl(attempt), person);
    const startMs = performance.now();
    const client = createMsalClient({ entra, fetch: outgoingFetch, timeoutMs: 10_000 });
    await client.acquireTokenByCode({
      scopes: ['openid', 'profile', 'email', 'User.Read'],
      redirectUri,
      code: url.searchParams.get('code') ?? '',
      codeVerifier,
      nonce,
    });
    await queue.enqueue(message);
    return performance.now() - startMs;
  };
}

/** Signs a person in at the emulator's pages. Returns the callback's address with the code. */
async function walk(location: string, login: string): Promise<URL> {
  const { redirect, page } = await walkSignIn(location, { login });
  if (redirect === undefined) throw new Error(`The emulator did not redirect the person: ${page}`);
  return redirect;
}

/** Returns the message that the product's sign-in enqueued, so that the bare exchange enqueues one of the same length. */
async function readMessage(queue: QueueClient): Promise<string> {
  const { peekedMessageItems } = await queue.peekMessages();
  const [message] = peekedMessageItems;
  if (message === undefined) throw new Error('The sign-in enqueued no message.');
  return Buffer.from(message.messageText, 'base64').toString('utf8');
}

function randomText(): string {
  return randomBytes(32).toString('base64url');
}

function renderRows(rows: readonly (readonly string[])[]): Table {
  return {
    title: 'Sign-in: callback received to redirect returned',
    columns: ['groups', 'the exchange', 'ours', 'ours adds', 'ours ÷ the exchange'],
    rows,
    note: `${ROUNDS} rounds, each the median of ${SIGN_INS_A_ROUND} sign-ins, one at a time. In brackets the 10th and 90th percentile of the rounds.`,
  };
}

/** The stand on which sign-ins are measured: both emulators and the three subjects, each in its own process. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { QueueClient } from '@azure/storage-queue';
import { z } from 'zod';
import { type ControlClient, createControlClient } from '../../dev/identity/controlClient.ts';
import { walkSignIn } from '../../dev/identity/signInWalk.ts';
import { type Child, startChild } from '../../dev/stack/childProcess.ts';
import { findFreePort } from '../../dev/stack/freePort.ts';
import { createStackSettings } from '../../dev/stack/stackSettings.ts';
import { inParallel } from '../../shared/platform/inParallel.ts';
import { PROVISION_QUEUE } from '../../shared/queue/queueNames.ts';
import type { BenchContext } from './report.ts';
import { createTenant, loginOf, type TenantPlan } from './signInTenant.ts';
import { type VariantName, variantNames } from './signInVariants.ts';
import { type SubjectWindow, subjectWindowSchema } from './signInWindow.ts';

/** A browser that has come back from Microsoft and has not called the callback yet. */
export interface Attempt {
  readonly path: string;
  readonly cookie: string;
}

export interface Stand {
  readonly control: ControlClient;
  /** Brings people of so many groups to their callback, outside of what is measured. */
  prepare(this: void, variant: VariantName, people: People): Promise<readonly Attempt[]>;
  /** Calls the callback for all, so many at once; gives the milliseconds from the first request to the last answer. Throws where one is not signed in. */
  fire(this: void, variant: VariantName, attempts: readonly Attempt[], atOnce: number): Promise<number>;
  /** Gives what a subject did since this was last asked. */
  readWindow(this: void, variant: VariantName): Promise<SubjectWindow>;
  /** Removes what sign-ins put there. */
  clearQueue(this: void): Promise<void>;
  changeTenant(this: void, plan: TenantPlan): Promise<void>;
  stop(this: void): Promise<void>;
}

export interface People {
  readonly groups: number;
  readonly count: number;
  /** Default 0. */
  readonly first?: number;
}

/** Walks to Microsoft at once; its emulator has one thread. */
const WALKS_AT_ONCE = 6;

/** Starts everything; about two seconds. */
export async function startStand(context: BenchContext, plan: TenantPlan): Promise<Stand> {
  const [azurite, identity] = await Promise.all([
    context.startAzurite(),
    context.startIdentity(createTenant(plan)),
  ]);
  const subjects = new Map<VariantName, Subject>();
  const stop = async (): Promise<void> => {
    await Promise.all([...subjects.values()].map(({ child }) => child.stop()));
  };
  try {
    for (const variant of variantNames) {
      const port = await findFreePort([]);
      const env = createStackSettings({
        url: `http://localhost:${port}`,
        identity,
        storageConnectionString: azurite.connectionString,
        given: profilingOf(context),
      });
      subjects.set(variant, await startSubject(variant, port, env));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const control = createControlClient(identity.browserUrl);
  const queue = new QueueClient(azurite.connectionString, PROVISION_QUEUE);
  return {
    control,
    prepare: async (variant, people) => prepare(subjectOf(subjects, variant), people),
    fire: async (variant, attempts, atOnce) => fire(subjectOf(subjects, variant), attempts, atOnce),
    readWindow: async (variant) => readWindow(subjectOf(subjects, variant)),
    clearQueue: async () => {
      await queue.clearMessages();
    },
    changeTenant: async (next) => control.putDirectory(createTenant(next)),
    stop,
  };
}

function profilingOf({ cpuProfileDir }: BenchContext): Readonly<Record<string, string>> {
  return cpuProfileDir === undefined
    ? {}
    : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${JSON.stringify(cpuProfileDir)}` };
}

interface Subject {
  readonly child: Child<unknown>;
  readonly port: number;
  readonly agent: Agent;
}

function subjectOf(subjects: ReadonlyMap<VariantName, Subject>, variant: VariantName): Subject {
  const subject = subjects.get(variant);
  if (subject === undefined) throw new Error(`${variant} is not started`);
  return subject;
}

async function startSubject(
  variant: VariantName,
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<Subject> {
  const child = await startChild({
    name: `callback (${variant})`,
    modulePath: join(import.meta.dirname, 'signInSubject.ts'),
    args: ['--variant', variant, '--port', String(port)],
    env,
    readySchema: z.object({ ready: z.literal(true) }),
  });
  return { child, port, agent: new Agent({ keepAlive: true }) };
}

async function prepare(subject: Subject, people: People): Promise<readonly Attempt[]> {
  const logins = Array.from({ length: people.count }, (_, index) =>
    loginOf(people.groups, (people.first ?? 0) + index),
  );
  return inParallel(logins, WALKS_AT_ONCE, async (login) => {
    const started = await ask(subject, { path: `/sso/login?login_hint=${encodeURIComponent(login)}` });
    const { redirect, page } = await walkSignIn(started.location);
    if (redirect === undefined) throw new Error(`Microsoft kept the person: ${page}`);
    return { path: `${redirect.pathname}${redirect.search}`, cookie: started.cookie };
  });
}

async function fire(subject: Subject, attempts: readonly Attempt[], atOnce: number): Promise<number> {
  const startMs = performance.now();
  const answers = await inParallel(attempts, atOnce, async (attempt) => ask(subject, attempt));
  const wallMs = performance.now() - startMs;
  const failed = answers.find(({ status, location }) => status !== 302 || location !== '/');
  if (failed !== undefined) {
    throw new Error(
      `A sign-in failed (${subject.child.name}): ${failed.status}\n${subject.child.logs().slice(-5).join('\n')}`,
    );
  }
  return wallMs;
}

async function readWindow(subject: Subject): Promise<SubjectWindow> {
  const { body } = await ask(subject, { path: '/window' });
  return subjectWindowSchema.parse(JSON.parse(body));
}

interface Answered {
  readonly status: number;
  readonly location: string;
  readonly cookie: string;
  readonly body: string;
}

/** A lean request of the browser's: what it costs is the same for all, and on the same two cores. */
async function ask(
  subject: Subject,
  asked: { readonly path: string; readonly cookie?: string },
): Promise<Answered> {
  const sent = request({
    host: '127.0.0.1',
    port: subject.port,
    path: asked.path,
    agent: subject.agent,
    headers: asked.cookie === undefined || asked.cookie === '' ? {} : { cookie: asked.cookie },
  });
  sent.end();
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      once(answer, 'end').then(
        () =>
          resolve({
            status: answer.statusCode ?? 0,
            location: answer.headers.location ?? '',
            cookie: (answer.headers['set-cookie'] ?? []).map((each) => each.split(';')[0]).join('; '),
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        reject,
      );
    });
  });
}

/**
 * Sign-ins or provisionings in a process of its own, with `--expose-gc`:
 * `node test/bench/memoryChild.ts <signIn|provisioning> <app folder> <operations> <between> <seconds>`. It loads the built bundle and calls
 * its functions as the worker in Azure does; Entra, tables and queue are in other processes, where its app settings say. Prints
 * one JSON line with what the heap held on the way.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { HttpRequest, InvocationContext } from '@azure/functions';
import { z } from 'zod';
import { createCoreModule, installCoreModule } from '../../dev/host/coreModule.ts';
import { AssignedGroupsStore } from '../../shared/storage/assignedGroupsStore.ts';
import { inParallel } from '../../shared/platform/inParallel.ts';
import { createAzureTables } from '../../shared/storage/tables/azureTables.ts';
import { PUBLIC_URL } from '../support/signInDoubles.ts';
import { codeOf, type MemoryKind, type MemorySample } from './memoryPlan.ts';
import { acceptedList, groupsOf, personOf, signInMessage } from './provisioningSubject.ts';

/** Who comes again and again to be provisioned. */
const POPULATION = 500;
const GROUPS_A_PERSON = 3;
const AT_ONCE = 8;

type Operation = (index: number) => Promise<void>;
type Call = (input: unknown) => Promise<unknown>;

async function main(): Promise<void> {
  const [kind = '', appDir = '', operations = '', between = '', seconds = ''] = process.argv.slice(2);
  const startMs = performance.now();
  const isOver = (share: number): boolean => performance.now() - startMs > Number(seconds) * 1000 * share;
  const operate = await createOperation(z.enum(['signIn', 'provisioning']).parse(kind), appDir);
  const samples: MemorySample[] = [];
  let settled = false;
  for (let done = 0; done < Number(operations); done += Number(between)) {
    // Fewer are still a line; a slow machine must not hold up the whole run.
    if (samples.length >= 4 && isOver(1)) break;
    if (!settled && (done >= Number(operations) / 2 || (samples.length >= 2 && isOver(0.5)))) {
      stopCompiling();
      settled = true;
    }
    const next = Array.from({ length: Number(between) }, (_, index) => done + index);
    await inParallel(next, AT_ONCE, operate);
    samples.push({ ...(await sample(done + Number(between))), settled });
  }
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${JSON.stringify({ samples, cpuMs: (user + system) / 1000 })}\n`);
  process.exit(0);
}

/**
 * V8 goes on compiling what is hot, again and again, and each time remembers for longer what that code relies on. That would
 * look like something kept. What is compiled stays.
 */
function stopCompiling(): void {
  for (const compiler of ['opt', 'maglev', 'sparkplug']) setFlagsFromString(`--no-${compiler}`);
}

/** What a collection frees may make more free, and finalizers run between two turns. */
async function sample(operations: number): Promise<Omit<MemorySample, 'settled'>> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('This needs --expose-gc');
  for (let pass = 0; pass < 3; pass += 1) {
    collect();
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { operations, heapUsed, code: codeBytes(), external, rss };
}

/** What V8 compiles of functions: a hotter one is compiled anew, and takes more. */
function codeBytes(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => /^(?:code|trusted)_/.test(name))
    .reduce((total, { space_used_size: bytes }) => total + bytes, 0);
}

async function createOperation(kind: MemoryKind, appDir: string): Promise<Operation> {
  const call = loadFunctions(appDir);
  return kind === 'signIn' ? createSignIn(call) : createProvisioning(call);
}

/** Calls the function of this name of the built bundle. */
function loadFunctions(appDir: string): (name: string) => Call {
  const core = createCoreModule(() => undefined);
  installCoreModule(core.exports);
  createRequire(join(appDir, 'package.json'))(join(appDir, 'main.cjs'));
  core.finishStartup();
  return (functionName) => {
    const registered = core.functions.get(functionName);
    if (registered === undefined) throw new Error(`There is no function "${functionName}"`);
    return async (input) => {
      // Formatted as the library formats it, and gone.
      const logHandler = (): void => undefined;
      const context = new InvocationContext({ invocationId: crypto.randomUUID(), functionName, logHandler });
      return registered.callback(input, context);
    };
  };
}

const answerSchema = z.object({
  status: z.literal(302),
  headers: z.object({ Location: z.string() }),
  cookies: z.array(z.object({ name: z.string(), value: z.string() })),
});

/** From `/sso/login` to the redirect after the callback, the way through Microsoft between them. */
function createSignIn(call: (name: string) => Call): Operation {
  const login = call('login');
  const callback = call('callback');
  const groups = groupsOf('group', 100).map((group) => group.id);
  return async (index) => {
    const started = answerSchema.parse(
      await login(new HttpRequest({ method: 'GET', url: `${PUBLIC_URL}/sso/login` })),
    );
    const authorizeUrl = started.headers.Location;
    const person = personOf(`person ${index}`);
    const code = codeOf({
      authorizeUrl,
      claims: {
        oid: person.userId,
        preferred_username: person.email,
        name: person.displayName,
        groups: groups.slice(index % 90, (index % 90) + 10),
      },
    });
    const state = new URL(authorizeUrl).searchParams.get('state') ?? '';
    const query = new URLSearchParams({ code, state }).toString();
    const request = new HttpRequest({
      method: 'GET',
      url: `${PUBLIC_URL}/sso/callback?${query}`,
      headers: { cookie: started.cookies.map(({ name, value }) => `${name}=${value}`).join('; ') },
    });
    const done = answerSchema.parse(await callback(request));
    if (!done.cookies.some(({ name, value }) => name.endsWith('session') && value !== ''))
      throw new Error('No session');
  };
}

/** Of twenty messages eighteen are unchanged, one loses a group and gains another, one is of somebody new. */
async function createProvisioning(call: (name: string) => Call): Promise<Operation> {
  const provision = call('provision');
  const groups = groupsOf('group', 100);
  const connectionString = process.env['AzureWebJobsStorage'] ?? '';
  const tables = createAzureTables({ connection: { kind: 'connectionString', connectionString } });
  await new AssignedGroupsStore(tables).write(acceptedList(groups), undefined);
  return async (index) => {
    const turn = Math.floor(index / POPULATION);
    const number = index % POPULATION;
    // Every 20 turns everybody moves on by one group, a twentieth of them in each turn.
    const moves = Math.floor((turn + (number % 20)) / 20);
    const first = (number % 90) + (moves % 5);
    const name = index % 20 === 7 ? `newcomer ${index}` : `person ${number}`;
    const message = signInMessage(personOf(name), groups.slice(first, first + GROUPS_A_PERSON));
    await provision(JSON.parse(JSON.stringify(message)));
  };
}

await main();

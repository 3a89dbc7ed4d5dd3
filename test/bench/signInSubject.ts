/**
 * The process whose callback is measured: `node test/bench/signInSubject.ts --variant ours --port N`, with the app's settings in
 * its environment. Says on one line when it listens. `POST /window` gives what happened since the last one.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { createVariant, type VariantName, variantNames } from './signInVariants.ts';
import type { SubjectWindow } from './signInWindow.ts';

const { values } = parseArgs({ options: { variant: { type: 'string' }, port: { type: 'string' } } });

let durationsMs: number[] = [];
let cpu = process.cpuUsage();

function readWindow(): SubjectWindow {
  const used = process.cpuUsage(cpu);
  const window = { durationsMs, cpuMs: (used.user + used.system) / 1000 };
  durationsMs = [];
  cpu = process.cpuUsage();
  return window;
}

async function main(): Promise<void> {
  const name = parseName(values.variant);
  const answer = await createVariant(name);
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startMs = performance.now();
    const url = new URL(request.url ?? '/', `http://localhost:${values.port}`);
    if (url.pathname === '/window') {
      response.end(JSON.stringify(readWindow()));
      return;
    }
    if (url.pathname === '/sso/callback') {
      response.on('finish', () => durationsMs.push(performance.now() - startMs));
    }
    const { status, location, cookies } = await answer(url, request.headers.cookie ?? '');
    response.writeHead(status, { location, 'set-cookie': [...cookies] }).end();
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
  // Between rounds others are measured: a connection that was closed meanwhile would cost the next request.
  server.keepAliveTimeout = 120_000;
  server.listen(Number(values.port), '127.0.0.1', () => console.log(JSON.stringify({ ready: true })));
  process.once('SIGTERM', () => process.exit(0));
}

function parseName(text: string | undefined): VariantName {
  const name = variantNames.find((each) => each === text);
  if (name === undefined) throw new Error(`Say --variant ${variantNames.join('|')}`);
  return name;
}

await main();

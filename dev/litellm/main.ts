/** The process of the LiteLLM emulator. `npm run litellm` runs it alone. */
import { join } from 'node:path';
import { z } from 'zod';
import { parseArguments } from '../../terminal/arguments.ts';
import { UsageError } from '../../terminal/commandError.ts';
import { runCommand } from '../../terminal/runCommand.ts';
import { runService } from '../emulator/runService.ts';
import { startLitellmEmulator } from './emulator.ts';
import type { ReadyLine } from './litellmProcess.ts';
import { proxySettingsSchema } from './proxySettings.ts';
import { defaultVersion, versions } from './versions.ts';

const help = `npm run litellm -- [options]      an emulated LiteLLM proxy on this machine, until Ctrl-C

  --version V          ${versions.join(', ')} (default ${defaultVersion})
  --port N             its port (default: any free one)
  --master-key KEY     its master key (default: the kept one, else a random one)
  --licence yes|no     whether it has LiteLLM's licence (default no)
  --state-dir DIR      keep its rows there, as npm start -- --state-dir DIR does (default: in memory)
  --state-file FILE    keep its rows in this file
  --default-team-params JSON, --default-internal-user-params JSON    settings of LiteLLM
`;

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--${name} is not JSON: ${text}`);
  }
}

function parseOption<Value>(name: string, schema: z.ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`--${name}: ${parsed.error.issues.map((issue) => issue.message).join(', ')}.`);
}

const yesOrNo = z.enum(['yes', 'no'], 'The licence is yes or no');
const anyVersion = z.enum(versions, `The version is one of ${versions.join(', ')}`);
const anyPort = z.coerce.number('A number from 0 to 65535 is needed').int().min(0).max(65_535);

function parseOptions(args: readonly string[]): Parameters<typeof startLitellmEmulator>[0] {
  const { texts } = parseArguments(args, {
    texts: [
      'state-dir',
      'state-file',
      'port',
      'version',
      'licence',
      'master-key',
      'default-team-params',
      'default-internal-user-params',
    ],
  });
  const { 'state-dir': stateDir, 'state-file': stateFile } = texts;
  if (stateDir !== undefined && stateFile !== undefined) {
    throw new UsageError('Give either --state-dir or --state-file, not both.');
  }
  const readJson = (name: 'default-team-params' | 'default-internal-user-params'): unknown =>
    parseJson(name, texts[name] ?? '{}');
  return {
    ...parseOption('default-team-params and --default-internal-user-params', proxySettingsSchema, {
      licence: parseOption('licence', yesOrNo, texts.licence ?? 'no') === 'yes',
      defaultTeamParams: readJson('default-team-params'),
      defaultInternalUserParams: readJson('default-internal-user-params'),
    }),
    version: parseOption('version', anyVersion, texts.version ?? defaultVersion),
    port: parseOption('port', anyPort, texts.port ?? '0'),
    stateFile: stateDir === undefined ? stateFile : join(stateDir, 'litellm', 'state.json'),
    masterKey: texts['master-key'],
  };
}

await runCommand({
  help,
  run: async (args) => {
    const options = parseOptions(args);
    await runService({
      name: 'LiteLLM emulator',
      start: async () => {
        const { url, masterKey, version, stop } = await startLitellmEmulator(options);
        return { ready: { ready: true, url, masterKey, version } satisfies ReadyLine, stop };
      },
    });
  },
});

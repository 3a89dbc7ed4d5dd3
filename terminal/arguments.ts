import { parseArgs } from 'node:util';
import { UsageError } from './commandError.ts';

export interface ArgumentRules<Text extends string, Flag extends string> {
  /** Options with a value: `--name VALUE` or `--name=VALUE`. */
  readonly texts?: readonly Text[];
  /** Options without a value. */
  readonly flags?: readonly Flag[];
  /** How many other arguments are allowed. Default 0. */
  readonly positionals?: number;
  /** Returns the app setting that `--name=VALUE` sets, or undefined if the name is not a setting's. */
  readonly settingOf?: (name: string) => string | undefined;
}

export interface Arguments<Text extends string, Flag extends string> {
  readonly texts: Partial<Readonly<Record<Text, string>>>;
  readonly flags: ReadonlySet<Flag>;
  readonly positionals: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Parses the arguments of a command. Throws a UsageError that lists every unknown argument, or that names the option without a
 * value. It does not parse `--help`, which `runCommand` answers for every command.
 */
export function parseArguments<Text extends string = never, Flag extends string = never>(
  args: readonly string[],
  rules: ArgumentRules<Text, Flag>,
): Arguments<Text, Flag> {
  const { texts: textNames = [], flags: flagNames = [], settingOf = () => undefined } = rules;
  const texts: Partial<Record<Text, string>> = {};
  const flags = new Set<Flag>();
  const positionals: string[] = [];
  const settings: Record<string, string> = {};
  const unknown: string[] = [];
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(textNames.map((name) => [name, { type: 'string' as const }])),
  });
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      (positionals.length < (rules.positionals ?? 0) ? positionals : unknown).push(token.value);
      continue;
    }
    const isLong = token.rawName.startsWith('--');
    const text = textNames.find((name) => isLong && name === token.name);
    const flag = flagNames.find((name) => isLong && name === token.name);
    const setting = isLong ? settingOf(token.name) : undefined;
    if (text !== undefined) texts[text] = requireValue(token);
    else if (flag !== undefined && token.value === undefined) flags.add(flag);
    else if (setting !== undefined && token.value !== undefined) settings[setting] = token.value;
    else unknown.push(token.value === undefined ? token.rawName : `${token.rawName}=${token.value}`);
  }
  if (unknown.length > 0) throw new UsageError(`Unknown: ${unknown.join(' ')}. --help shows all options.`);
  return { texts, flags, positionals, settings };
}

/** An option after an option is not its value: `--account --all` lacks a name. */
function requireValue(token: {
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}): string {
  const { rawName, value = '', inlineValue } = token;
  if (value === '' || (inlineValue !== true && value.startsWith('--'))) {
    throw new UsageError(`${rawName} needs a value.`);
  }
  return value;
}

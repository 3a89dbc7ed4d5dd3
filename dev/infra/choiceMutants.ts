/** Small faults in `main.bicepparam`: a parameter that is read from another's variable, and a default that is another. */
import { CHOICES_FILE, choiceAssertions, startChoiceReader } from './choices.ts';
import { findFailing } from './findFailing.ts';
import type { Mutant } from './mutants.ts';
import type { MutantResult } from './runMutants.ts';

interface Choice {
  readonly line: number;
  readonly text: string;
  readonly variable: string;
  /** `int(`, `bool(`, `json(` or nothing, and whether there is a default: within a shape variables can be mistaken. */
  readonly shape: string;
  readonly preset: string | undefined;
}

const PATTERN = /^param \w+ = (\w+\()?readEnvironmentVariable\('(\w+)'(?:, '(.*)')?\)\)?$/;

/** Gives two mutants of each line that reads a variable, one where it has no default, in the order of the lines. */
export function makeChoiceMutants(source: string): readonly Mutant[] {
  const lines = source.split('\n');
  const choices = lines.flatMap((text, line) => readChoice(text, line) ?? []);
  return choices.flatMap((choice) => {
    const faults = [choice.text.replace(`'${choice.variable}'`, `'${otherVariable(choice, choices)}'`)];
    if (choice.preset !== undefined) {
      faults.push(choice.text.replace(/, '.*'\)/, `, '${otherPreset(choice.preset)}')`));
    }
    return faults.map((fault) => ({
      name: `${CHOICES_FILE}:${choice.line + 1} ${choice.text} → ${fault}`,
      file: CHOICES_FILE,
      text: lines.toSpliced(choice.line, 1, fault).join('\n'),
      changesTemplate: false,
      isDefault: true,
    }));
  });
}

function readChoice(text: string, line: number): Choice | undefined {
  const [, conversion = '', variable, preset] = PATTERN.exec(text) ?? [];
  if (variable === undefined) return undefined;
  return { line, text, variable, preset, shape: `${conversion}${preset === undefined ? '' : 'preset'}` };
}

/** The variable of the next line of that shape, as a slip of the copying hand would have it. */
function otherVariable(choice: Choice, choices: readonly Choice[]): string {
  const alike = choices.filter(({ shape }) => shape === choice.shape);
  const next = alike[(alike.indexOf(choice) + 1) % alike.length];
  return next === undefined || next === choice ? `${choice.variable}_OTHER` : next.variable;
}

function otherPreset(preset: string): string {
  if (preset === 'true') return 'false';
  if (preset === 'false') return 'true';
  return /^\d+$/.test(preset) ? String(Number(preset) + 1) : `${preset}x`;
}

/** Gives a result for every mutant of `main.bicepparam`, in their order. Throws an Error where one does not compile. */
export async function runChoiceMutants(
  bicepPath: string,
  mutants: readonly Mutant[],
): Promise<readonly MutantResult[]> {
  const reader = await startChoiceReader(bicepPath);
  try {
    const results: MutantResult[] = [];
    for (const mutant of mutants) {
      const assertion = findFailing(choiceAssertions, await reader.read(mutant.text));
      const deployment = CHOICES_FILE;
      results.push(assertion === undefined ? { mutant } : { mutant, caughtBy: { assertion, deployment } });
    }
    return results;
  } finally {
    await reader.stop();
  }
}

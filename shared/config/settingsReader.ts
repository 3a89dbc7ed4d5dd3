import * as z from 'zod/mini';
import { describeSecret, describeValue, notSet } from './configFault.ts';
import { findHiddenCharacter, findUnusualCharacter, findQuotes } from './hiddenCharacters.ts';
import type { ConfigFault } from './configFault.ts';
import type { DefaultedSetting, Setting } from './settings.ts';

/** The environment, as provided by Node and the Functions host. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads settings one by one and collects all faults instead of stopping at the first. Values are trimmed. An empty value
 * counts as not set, because Azure passes a blank app setting as empty text.
 */
export class SettingsReader {
  readonly #environment: Environment;
  readonly #faults: ConfigFault[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The faults so far, in the order of reading. */
  get faults(): readonly ConfigFault[] {
    return this.#faults;
  }

  /** Returns the names of all variables that are set, including those of other software. */
  namesSet(): readonly string[] {
    return Object.keys(this.#environment).filter((name) => this.textOf({ name }) !== undefined);
  }

  /** Returns the trimmed text of a setting, or undefined if it is not set. */
  textOf(setting: { readonly name: string }): string | undefined {
    const given = this.#environment[setting.name]?.trim();
    return given === '' ? undefined : given;
  }

  isSet(setting: { readonly name: string }): boolean {
    return this.textOf(setting) !== undefined;
  }

  /** Returns the value, or undefined if it is not set. Records a fault and returns undefined if it is not valid. */
  find<T>(setting: Setting<T>): T | undefined {
    const given = this.textOf(setting);
    return given === undefined ? undefined : this.#parse(setting, given);
  }

  /** Returns the value. Records a fault and returns undefined if it is not set or not valid. */
  require<T>(setting: Setting<T>): T | undefined {
    if (!this.isSet(setting)) this.refuse(setting, notSet);
    return this.find(setting);
  }

  /** Returns the value, or the default if it is not set. Records a fault and returns the default if it is not valid. */
  findOrDefault<T>(setting: DefaultedSetting<T>): T {
    return this.find(setting) ?? z.parse(setting.schema, setting.default);
  }

  /** Records a fault. */
  refuse(setting: Setting<unknown>, got: string, expected: string = setting.valid): void {
    this.#faults.push({ setting: setting.name, got, expected });
  }

  /** Returns the text that a fault shows for the setting's value. */
  describe(setting: Setting<unknown>): string {
    const given = this.textOf(setting);
    if (given === undefined) return notSet;
    return setting.secret ? describeSecret(given) : describeValue(given);
  }

  #parse<T>(setting: Setting<T>, given: string): T | undefined {
    if (/^@microsoft\./i.test(given)) {
      // Azure passes the reference itself if it cannot resolve it or has no permission to.
      this.refuse(setting, 'a reference that Azure has not resolved');
      return undefined;
    }
    // A character that nobody sees is named, because the fault would otherwise show a value that looks right.
    // Also at the ends, which trimming would remove: the Functions host and the exporters read some settings as they are.
    const untrimmed = this.#environment[setting.name] ?? given;
    const hidden = findHiddenCharacter(untrimmed) ?? findQuotes(given, setting.secret);
    if (hidden !== undefined) {
      this.refuse(setting, `${this.describe(setting)}, which ${hidden}`);
      return undefined;
    }
    const result = z.safeParse(setting.schema, given, { reportInput: true });
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#refuseIssue(setting, issue);
    return undefined;
  }

  /** Records a fault. Inside a JSON value it names the place; otherwise it shows the whole value. */
  #refuseIssue(setting: Setting<unknown>, issue: z.core.$ZodIssue): void {
    const reason = reasonOf(issue);
    if (issue.code === 'unrecognized_keys' && !setting.secret) {
      this.refuse(setting, `the unknown key ${issue.keys.map((key) => describeValue(key)).join(', ')}`);
    } else if (issue.code === 'invalid_key' && !setting.secret) {
      this.refuse(setting, `the key ${describeValue(String(issue.path.at(-1)))}`);
    } else if (issue.path.length === 0 || setting.secret) {
      this.refuse(setting, reason ?? this.#describeWhole(setting));
    } else {
      const place = describeValue(issue.path.join('.'));
      this.refuse(setting, `${place}: ${describeValue(issue.input)}`, `${place}: ${issue.message}`);
    }
  }

  /** Names the first character that is not on a keyboard: a dash or a letter that only looks like the right one. */
  #describeWhole(setting: Setting<unknown>): string {
    const unusual = findUnusualCharacter(this.textOf(setting) ?? '');
    return `${this.describe(setting)}${unusual === undefined ? '' : `, which ${unusual}`}`;
  }
}

/** Returns what a schema of settingValues.ts says about the text itself. It never quotes a secret. */
function reasonOf(issue: z.core.$ZodIssue): string | undefined {
  const reason: unknown = issue.code === 'custom' ? issue.params?.['got'] : undefined;
  return typeof reason === 'string' ? reason : undefined;
}

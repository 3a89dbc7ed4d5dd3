import * as z from 'zod/mini';
import { describeSecret, describeValue, notSet } from './configFault.ts';
import type { ConfigFault } from './configFault.ts';
import type { DefaultedSetting, Setting } from './settings.ts';

/** The environment, as Node and the Functions host give it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads settings one by one and collects every fault instead of stopping at the first. Values are trimmed; an empty
 * one is not set, because Azure gives an app setting that was left blank as empty text.
 */
export class SettingsReader {
  readonly #environment: Environment;
  readonly #faults: ConfigFault[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** What was found wrong so far, in the order of reading. */
  get faults(): readonly ConfigFault[] {
    return this.#faults;
  }

  /** The names of everything that is set, this product's or not. */
  namesSet(): readonly string[] {
    return Object.keys(this.#environment).filter((name) => this.textOf({ name }) !== undefined);
  }

  /** The trimmed text of a setting, or undefined where it is not set. */
  textOf(setting: { readonly name: string }): string | undefined {
    const given = this.#environment[setting.name]?.trim();
    return given === '' ? undefined : given;
  }

  isSet(setting: { readonly name: string }): boolean {
    return this.textOf(setting) !== undefined;
  }

  /** Gives the value, or undefined where it is not set or (a fault) not valid. */
  find<T>(setting: Setting<T>): T | undefined {
    const given = this.textOf(setting);
    return given === undefined ? undefined : this.#parse(setting, given);
  }

  /** Gives the value, or undefined with a fault where it is not set or not valid. */
  require<T>(setting: Setting<T>): T | undefined {
    if (!this.isSet(setting)) this.refuse(setting, notSet);
    return this.find(setting);
  }

  /** Gives the value or the default; the default too where the value is (a fault) not valid. */
  findOrDefault<T>(setting: DefaultedSetting<T>): T {
    return this.find(setting) ?? z.parse(setting.schema, setting.default);
  }

  /** Notes a fault. */
  refuse(setting: Setting<unknown>, got: string, expected: string = setting.valid): void {
    this.#faults.push({ setting: setting.name, got, expected });
  }

  /** A fault's text of what the setting holds. */
  describe(setting: Setting<unknown>): string {
    const given = this.textOf(setting);
    if (given === undefined) return notSet;
    return setting.secret ? describeSecret(given) : describeValue(given);
  }

  #parse<T>(setting: Setting<T>, given: string): T | undefined {
    if (given.startsWith('@Microsoft.')) {
      // Azure passes a reference on as it stands where it may not or cannot resolve it.
      this.refuse(setting, 'a reference that Azure has not resolved');
      return undefined;
    }
    const result = z.safeParse(setting.schema, given, { reportInput: true });
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#refuseIssue(setting, issue);
    return undefined;
  }

  /** A fault inside a JSON value names the place; every other one shows the value as a whole. */
  #refuseIssue(setting: Setting<unknown>, issue: z.core.$ZodIssue): void {
    if (setting.secret) this.refuse(setting, this.describe(setting));
    else if (issue.code === 'unrecognized_keys') {
      this.refuse(setting, `the unknown ${issue.keys.map((key) => describeValue(key)).join(', ')}`);
    } else if (issue.code === 'invalid_key') {
      this.refuse(setting, `the key ${describeValue(String(issue.path.at(-1)))}`);
    } else if (issue.path.length === 0) this.refuse(setting, this.describe(setting));
    else {
      const place = describeValue(issue.path.join('.'));
      this.refuse(setting, `${place}: ${describeValue(issue.input)}`, `${place}: ${issue.message}`);
    }
  }
}

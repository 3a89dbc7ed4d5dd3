/** The LiteLLM proxy that is kept in step, if there is one. */
import { notSet } from './configFault.ts';
import { Secret } from './secret.ts';
import { settings } from './settings.ts';
import type { SettingsReader } from './settingsReader.ts';

/** A LiteLLM proxy. */
export interface LitellmAccess {
  /** Without a slash at the end; with a path where the proxy is served under one. */
  readonly baseUrl: string;
  readonly apiKey: Secret;
}

/** Gives the proxy, or undefined where none is connected (or, with a fault, where one of the two settings is wrong or missing). */
export function readLitellm(reader: SettingsReader): LitellmAccess | undefined {
  const { litellmBaseUrl, litellmApiKey } = settings;
  for (const [setting, other] of [
    [litellmBaseUrl, litellmApiKey],
    [litellmApiKey, litellmBaseUrl],
  ] as const) {
    if (reader.isSet(setting) || !reader.isSet(other)) continue;
    reader.refuse(setting, notSet, `${setting.valid}; or take ${other.name} away too, to connect no proxy`);
  }
  const baseUrl = reader.find(litellmBaseUrl);
  const apiKey = reader.find(litellmApiKey);
  if (baseUrl === undefined || apiKey === undefined) return undefined;
  return { baseUrl, apiKey: new Secret(apiKey) };
}

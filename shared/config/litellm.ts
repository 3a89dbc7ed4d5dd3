/** The settings of the LiteLLM proxy. */
import { notSet } from './configFault.ts';
import { Secret } from './secret.ts';
import { settings } from './settings.ts';
import type { SettingsReader } from './settingsReader.ts';

/** The address and key of a LiteLLM proxy. */
export interface LitellmAccess {
  /** Without a slash at the end. Contains a path if the proxy is served under one. */
  readonly baseUrl: string;
  readonly apiKey: Secret;
}

/**
 * Returns the proxy, or undefined if none is connected. Also returns undefined, and records a fault, if one of the two
 * settings is missing or invalid.
 */
export function readLitellm(reader: SettingsReader): LitellmAccess | undefined {
  const { litellmBaseUrl, litellmApiKey } = settings;
  for (const [setting, other] of [
    [litellmBaseUrl, litellmApiKey],
    [litellmApiKey, litellmBaseUrl],
  ] as const) {
    if (reader.isSet(setting) || !reader.isSet(other)) continue;
    reader.refuse(setting, notSet, `${setting.valid}; or remove ${other.name} too to disconnect the proxy`);
  }
  const baseUrl = reader.find(litellmBaseUrl);
  const apiKey = reader.find(litellmApiKey);
  if (baseUrl === undefined || apiKey === undefined) return undefined;
  return { baseUrl, apiKey: new Secret(apiKey) };
}

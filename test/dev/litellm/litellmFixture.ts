import { afterEach } from 'vitest';
import { z } from 'zod';

import { startLitellmEmulator } from '../../../dev/litellm/emulator.ts';
import type { LitellmEmulator, LitellmEmulatorOptions } from '../../../dev/litellm/emulator.ts';
import { behavioursOf, defaultVersion } from '../../../dev/litellm/versions.ts';

export interface Answer {
  readonly status: number;
  /** Parsed if it is JSON, else the text. */
  readonly body: unknown;
  readonly headers: Headers;
}

export interface EmulatedProxy extends LitellmEmulator {
  get(path: string, key?: string): Promise<Answer>;
  post(path: string, body: unknown, key?: string): Promise<Answer>;
  patch(path: string, body: unknown, key?: string): Promise<Answer>;
  delete(path: string, body: unknown): Promise<Answer>;
  /** The ids of a team's members, without the master key's user. */
  membersOf(teamId: string): string[];
}

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Runs `cleanup` after the test. The last one runs first. */
export function cleanUpWith(cleanup: () => void | Promise<void>): void {
  cleanups.push(cleanup);
}

/** Starts an emulator that ends with the test. Where a version has organizations with a licence only, it has one. */
export async function openProxy(options: LitellmEmulatorOptions = {}): Promise<EmulatedProxy> {
  const needsLicence = behavioursOf(options.version ?? defaultVersion).organizationsNeedLicence;
  const emulator = await startLitellmEmulator({ licence: needsLicence, ...options });
  cleanUpWith(() => emulator.stop());
  const call = async (
    method: string,
    path: string,
    sent: { body?: unknown; key?: string },
  ): Promise<Answer> => {
    const response = await fetch(`${emulator.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${sent.key ?? emulator.masterKey}`,
        'content-type': 'application/json',
      },
      ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    const body: unknown = isJson ? JSON.parse(text) : text;
    return { status: response.status, body, headers: response.headers };
  };
  const withKey = (key: string | undefined): { key?: string } => (key === undefined ? {} : { key });
  return Object.assign(emulator, {
    get: (path: string, key?: string) => call('GET', path, withKey(key)),
    post: (path: string, body: unknown, key?: string) => call('POST', path, { body, ...withKey(key) }),
    patch: (path: string, body: unknown, key?: string) => call('PATCH', path, { body, ...withKey(key) }),
    delete: (path: string, body: unknown) => call('DELETE', path, { body }),
    membersOf: (teamId: string) =>
      (emulator.state.findTeam(teamId)?.members_with_roles ?? [])
        .map((member) => member.user_id ?? '')
        .filter((id) => id !== 'default_user_id'),
  });
}

/** Starts an emulator with the organization `org` (of models `gpt` and `claude`), the team `team` in it, and the user `ann`. */
export async function openFilledProxy(options: LitellmEmulatorOptions = {}): Promise<EmulatedProxy> {
  const proxy = await openProxy(options);
  proxy.state.edit(
    { edit: 'createOrganization', organizationId: 'org', models: ['gpt', 'claude'], maxBudget: 10 },
    { edit: 'createTeam', teamId: 'team', organizationId: 'org', models: ['gpt'] },
    { edit: 'createUser', userId: 'ann', email: 'Ann@example.com' },
  );
  return proxy;
}

const detailSchema = z.object({ detail: z.object({ error: z.string() }) });
const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().optional(),
    code: z.string().optional(),
  }),
});

/** Returns which of the shapes an error has. Throws if it has a code that is not its status. */
export function shapeOf({ status, body }: Answer): 'detail' | 'error' | 'text' {
  if (typeof body === 'string') return 'text';
  if (detailSchema.safeParse(body).success) return 'detail';
  const { error } = errorSchema.parse(body);
  if ((error.code ?? String(status)) !== String(status))
    throw new Error(`code ${error.code} with status ${status}`);
  return 'error';
}

/** Returns the type of an error. */
export const typeOf = ({ body }: Answer): string => errorSchema.parse(body).error.type;

/** Returns the text of an error of either shape. */
export function textOf({ body }: Answer): string {
  const detail = detailSchema.safeParse(body);
  return detail.success ? detail.data.detail.error : errorSchema.parse(body).error.message;
}

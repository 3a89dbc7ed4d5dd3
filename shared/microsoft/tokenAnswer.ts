/** The door for the answers of Entra's token endpoint. MSAL reads them without checking types, so they are checked before. */
import * as z from 'zod/mini';
import { AppError } from '../model/errors.ts';

const text = z.string().check(z.minLength(1));
/** Ten years, so that every time that is calculated from it is a valid date. */
const MAX_SECONDS = 315_360_000;
const seconds = z.union([
  z.int().check(z.nonnegative(), z.lte(MAX_SECONDS)),
  z.string().check(z.regex(/^\d{1,8}$/)),
]);

const grantedSchema = z.object({
  token_type: z.string().check(z.regex(/^bearer$/i)),
  access_token: text,
  expires_in: seconds,
  ext_expires_in: z.exactOptional(seconds),
  scope: z.exactOptional(z.string()),
  id_token: z.exactOptional(text),
  refresh_token: z.exactOptional(z.string()),
  client_info: z.exactOptional(z.string()),
});

const refusedSchema = z.object({
  error: text,
  error_description: z.exactOptional(z.string()),
  error_codes: z.exactOptional(z.array(z.int())),
  suberror: z.exactOptional(z.string()),
  claims: z.exactOptional(z.string()),
});

export interface TokenAnswer {
  /**
   * The part for MSAL. It never sees an id_token, which it would read without verifying it: only our verifier reads those. It does
   * not see the refresh token either, which is dropped unread.
   */
  readonly forMsal: object;
  readonly idToken: string | undefined;
}

/** Reads an answer. Throws `id_token_invalid`, with the field in `details.fault`, if it is neither tokens nor a refusal. */
export function readTokenAnswer(body: object): TokenAnswer {
  if ('error' in body) return { forMsal: parse(refusedSchema, body), idToken: undefined };
  const { id_token: idToken, refresh_token: _, client_info: __, ...forMsal } = parse(grantedSchema, body);
  return { forMsal, idToken };
}

function parse<T>(schema: z.ZodMiniType<T>, body: object): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new AppError('id_token_invalid', 'The answer of the token endpoint is malformed', {
    details: { fault: `answer_${String(parsed.error.issues[0]?.path[0])}` },
  });
}

/** The platform's answer to a managed identity: a token, or a refusal in one of several forms, which MSAL knows. */
const managedIdentitySchema = z.union([
  z.object({
    access_token: text,
    expires_on: z.union([
      z.int().check(z.positive(), z.lte(253_402_300_799)),
      z.string().check(z.regex(/^[\w:.+-]{1,40}$/)),
    ]),
    resource: z.exactOptional(z.string()),
    token_type: z.string().check(z.regex(/^bearer$/i)),
  }),
  z.object({ error: z.union([text, z.object({ code: text, message: z.exactOptional(z.string()) })]) }),
  z.object({ message: text }),
]);

/** Returns the part of the platform's answer that MSAL may see. `undefined`: it is neither a token nor a refusal. */
export function readManagedIdentityAnswer(body: object): object | undefined {
  return managedIdentitySchema.safeParse(body).data;
}

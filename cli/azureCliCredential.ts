import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

const tokenSchema = z.object({ accessToken: z.string(), expires_on: z.number() });

/** Returns storage tokens of the account that `az login` signed in. Every use asks for a new token, which is fast enough here. */
export const azureCliCredential = {
  async getToken() {
    const { stdout } = await promisify(execFile)('az', [
      'account',
      'get-access-token',
      '--resource',
      'https://storage.azure.com',
      '--output',
      'json',
    ]);
    const token = tokenSchema.parse(JSON.parse(stdout));
    return { token: token.accessToken, expiresOnTimestamp: token.expires_on * 1000 };
  },
};

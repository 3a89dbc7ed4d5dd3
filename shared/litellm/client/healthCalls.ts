import type { LitellmClient } from '../../model/litellmPorts.ts';
import { parseReadiness, parseUserPage } from './answers.ts';
import { type Litellm, requireBody } from './call.ts';
import { REQUESTS } from './requests.ts';

/** Gives what is asked about the proxy itself. */
export function createHealthCalls(litellm: Litellm): Pick<LitellmClient, 'check'> {
  return {
    async check() {
      parseReadiness(requireBody(await litellm.call(REQUESTS.readiness, {})));
      // The cheapest that an administrator's key alone may ask.
      parseUserPage(requireBody(await litellm.call(REQUESTS.userList, { page: 1, page_size: 1 })));
    },
  };
}

import { isLitellmConnected, requireLitellmSide } from '../shared/app.ts';
import { onTimer } from '../shared/triggers/onTimer.ts';

/**
 * Timer, every 10 minutes: checks the version of LiteLLM, the key's rights and the licence for organizations. Sends only harmless
 * reads. Registered only where a LiteLLM proxy is connected.
 */
onTimer(
  'checkLitellm',
  { schedule: '0 */10 * * * *', isEnabled: isLitellmConnected() },
  {
    name: 'litellm.check',
    run: async () => requireLitellmSide().proxy.check(),
    describe: ({ status, error, version, organizations, warnings }) => ({
      level: status === 'failing' ? 'error' : warnings.length > 0 ? 'warn' : 'info',
      status,
      code: error,
      version,
      organizations: organizations?.state,
      organizationsSince: organizations?.since,
      warnings: warnings.map(({ code }) => code),
    }),
  },
);

import { app } from '@azure/functions';
import { requireApp } from '../shared/app.ts';
import { readProvisioning } from '../shared/home/readProvisioning.ts';
import { answerJson, jsonAnswer, readCookies } from '../shared/web/http.ts';
import { requireSession } from '../shared/session/session.ts';
import { observeFlow } from '../shared/telemetry/events.ts';

/** `GET /api/provisioning/{id}`: the status of one observation, for its own person only. */
app.http('provisioning', {
  route: 'api/provisioning/{id}',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: answerJson(async (request, { context }) => {
    const services = requireApp();
    const session = await requireSession(services.seal, readCookies(request));
    const progress = await observeFlow(context, {
      name: 'api.provisioning',
      run: async () => readProvisioning(services, session, request.params['id'] ?? ''),
      describe: (read) => ({ userId: session.userId, status: read.status }),
    });
    return jsonAnswer(progress);
  }),
});

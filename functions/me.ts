import { app } from '@azure/functions';
import { requireApp } from '../shared/app.ts';
import { readMyAccess } from '../shared/home/readMyAccess.ts';
import { answerJson, jsonAnswer, readCookies } from '../shared/web/http.ts';
import { requireSession } from '../shared/session/session.ts';
import { observeFlow } from '../shared/telemetry/events.ts';

/** `GET /api/me`: the content of the home page, as data. */
app.http('me', {
  route: 'api/me',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: answerJson(async (request, { context }) => {
    const services = requireApp();
    const session = await requireSession(services.seal, readCookies(request));
    const access = await observeFlow(context, {
      name: 'api.me',
      run: async () => readMyAccess(services.access, session),
      describe: (read) => ({
        userId: session.userId,
        status: read.provisioning.status,
        teams: read.teams.length,
      }),
    });
    return jsonAnswer(access);
  }),
});

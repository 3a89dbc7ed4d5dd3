import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { answerJson, emptyAnswer } from '../shared/web/http.ts';

/** `GET` and `HEAD /api/health`: answers probes with 200 or 503, without a body. */
app.http('health', {
  route: 'api/health',
  // The host answers 404 to HEAD unless it is named. Probes and link checkers send it.
  methods: ['GET', 'HEAD'],
  authLevel: 'anonymous',
  handler: answerJson(async () => {
    if (readConfigFaults().length > 0) return emptyAnswer(503);
    return emptyAnswer((await requireApp().isHealthy()) ? 200 : 503);
  }),
});

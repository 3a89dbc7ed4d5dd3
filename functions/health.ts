import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { answerJson, emptyAnswer } from '../shared/web/http.ts';

/** `GET /api/health`: 200 or 503 and nothing more, for probes. */
app.http('health', {
  route: 'api/health',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: answerJson(async () => {
    if (readConfigFaults().length > 0) return emptyAnswer(503);
    return emptyAnswer((await requireApp().isHealthy()) ? 200 : 503);
  }),
});

import { app } from '@azure/functions';
import { readConfigFaults, requireApp } from '../shared/app.ts';
import { failingConfiguration } from '../shared/health/checkHealth.ts';
import { answerJson, jsonAnswer } from '../shared/web/http.ts';
import { observeFlow } from '../shared/telemetry/events.ts';

/** `GET /api/health/detail` (function key): the details for the operator, without secrets. */
app.http('healthDetail', {
  route: 'api/health/detail',
  methods: ['GET'],
  authLevel: 'function',
  handler: answerJson(async (_request, { context }) => {
    const faults = readConfigFaults();
    if (faults.length > 0) return jsonAnswer(failingConfiguration(faults, new Date()), 503);
    const detail = await observeFlow(context, {
      name: 'health.check',
      run: async () => requireApp().readHealth(),
      describe: (read) => ({ status: read.status, directory: read.directory.status }),
    });
    return jsonAnswer(detail, detail.status === 'failing' ? 503 : 200);
  }),
});

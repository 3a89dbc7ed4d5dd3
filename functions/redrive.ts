import { app } from '@azure/functions';
import { requireRedrivableQueues } from '../shared/app.ts';
import { parseRedriveRequest, redriveRequested } from '../shared/queue/redriveRequest.ts';
import { observeFlow } from '../shared/telemetry/events.ts';
import { answerJson, jsonAnswer } from '../shared/web/http.ts';

/**
 * `POST /api/operations/redrive` (function key): puts failed messages back into their queue. No command can do it, because only the
 * app signs messages.
 */
app.http('redrive', {
  route: 'api/operations/redrive',
  methods: ['POST'],
  authLevel: 'function',
  handler: answerJson(async (request, { context }) => {
    const queues = requireRedrivableQueues();
    const body = await request.text();
    const answer = await observeFlow(context, {
      name: 'messages.redrive',
      run: async () => redriveRequested(queues, parseRedriveRequest(body)),
      describe: ({
        redriven,
        already_redriven: alreadyRedriven,
        not_authentic: notAuthentic,
        unreadable,
        left,
      }) => ({
        level: notAuthentic > 0 ? 'warn' : 'info',
        redriven,
        alreadyRedriven,
        notAuthentic,
        unreadable,
        left,
      }),
    });
    return jsonAnswer(answer);
  }),
});

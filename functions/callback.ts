import { app } from '@azure/functions';
import { requireApp } from '../shared/app.ts';
import { completeLogin } from '../shared/signIn/completeLogin.ts';
import {
  answerPages,
  errorPageAnswer,
  failureLevel,
  readCookies,
  redirectAnswer,
} from '../shared/web/http.ts';
import { errorFields, observeFlow } from '../shared/telemetry/events.ts';
import { tracing } from '../shared/telemetry/tracing.ts';

/** `GET /sso/callback`: where Microsoft sends the browser back. */
app.http('callback', {
  route: 'sso/callback',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: answerPages(async (request, answering) => {
    const services = requireApp();
    const outcome = await observeFlow(answering.context, {
      name: 'signin.complete',
      run: async () =>
        completeLogin(services.login, {
          query: new URL(request.url).searchParams,
          cookies: readCookies(request),
          traceparent: tracing().current()?.traceparent ?? answering.context.traceContext?.traceParent,
        }),
      describe: (done) =>
        done.ok
          ? { userId: done.signedIn?.userId, observationId: done.signedIn?.observation.id }
          : { level: failureLevel(done.error), ...errorFields(done.error) },
    });
    if (outcome.ok) return redirectAnswer(outcome.location, outcome.cookies);
    return errorPageAnswer(outcome.error, answering, {
      retryHref: outcome.retryHref,
      cookies: outcome.cookies,
    });
  }),
});

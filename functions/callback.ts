import { app } from '@azure/functions';
import { requireApp } from '../shared/app.ts';
import { completeLogin } from '../shared/flows/completeLogin.ts';
import { answerPages, errorPageAnswer, readCookies, redirectAnswer } from '../shared/http.ts';
import { errorFields, observeFlow } from '../shared/telemetry.ts';

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
          traceparent: answering.context.traceContext?.traceParent,
        }),
      describe: (done) =>
        done.ok
          ? { userId: done.signedIn?.userId, observationId: done.signedIn?.observation.id }
          : { level: 'warn' as const, ...errorFields(done.error) },
    });
    if (outcome.ok) return redirectAnswer(outcome.location, outcome.cookies);
    return errorPageAnswer(outcome.error, answering, {
      retryHref: outcome.retryHref,
      cookies: outcome.cookies,
    });
  }),
});

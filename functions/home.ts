import { app } from '@azure/functions';
import { requireApp } from '../shared/app.ts';
import { errorCodeOf } from '../shared/model/errors.ts';
import { readMyAccess } from '../shared/home/readMyAccess.ts';
import { answerPages, errorPageAnswer, pageAnswer, readCookies } from '../shared/web/http.ts';
import { renderHome } from '../shared/web/pages/renderHome.ts';
import { renderSignedOut } from '../shared/web/pages/renderSignedOut.ts';
import { clearSession, openSession } from '../shared/session/session.ts';
import { observeFlow } from '../shared/telemetry/events.ts';

/**
 * `GET` and `HEAD /`: what this service is, or what the signed-in person can use. (An empty `route` would become the function's
 * name.)
 */
app.http('home', {
  route: '/',
  // The host answers 404 to HEAD unless it is named. Probes and link checkers send it.
  methods: ['GET', 'HEAD'],
  authLevel: 'anonymous',
  handler: answerPages(async (request, answering) => {
    const { nonce } = answering;
    const services = requireApp();
    const session = await openSession(services.seal, readCookies(request));
    if (session === undefined) {
      const isSignedOut = request.query.has('signed_out');
      return pageAnswer(
        renderSignedOut({ nonce, ...(isSignedOut ? { notice: 'signed_out' as const } : {}) }),
        { nonce },
      );
    }
    try {
      const access = await observeFlow(answering.context, {
        name: 'page.home',
        run: async () => readMyAccess(services.access, session),
        describe: (read) => ({
          userId: session.userId,
          status: read.provisioning.status,
          teams: read.teams.length,
        }),
      });
      return pageAnswer(renderHome({ nonce, access }), { nonce });
    } catch (error) {
      const cookies = [clearSession()];
      if (errorCodeOf(error) === 'session_missing') {
        return pageAnswer(renderSignedOut({ nonce, notice: 'session_ended' }), { nonce, cookies });
      }
      if (errorCodeOf(error) === 'account_inactive') return errorPageAnswer(error, answering, { cookies });
      throw error;
    }
  }),
});

import { app } from '@azure/functions';
import { requireApp } from '../shared/app.ts';
import { signOut } from '../shared/signIn/signOut.ts';
import {
  answerPages,
  errorPageAnswer,
  readCookies,
  redirectAnswer,
  requireOwnOrigin,
} from '../shared/web/http.ts';
import { clearSession, openSession } from '../shared/session/session.ts';
import { observeFlow } from '../shared/telemetry/events.ts';

/** `POST /sso/logout`: ends all sessions of the person, or at least that of this browser. */
app.http('logout', {
  route: 'sso/logout',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: answerPages(async (request, answering) => {
    const services = requireApp();
    requireOwnOrigin(request, services.config.publicUrl);
    try {
      const { cookie } = await observeFlow(answering.context, {
        name: 'signin.end',
        run: async () => {
          const session = await openSession(services.seal, readCookies(request));
          return { cookie: await signOut(services, session), userId: session?.userId };
        },
        describe: ({ userId }) => ({ userId }),
      });
      return redirectAnswer('/?signed_out', [cookie], 303);
    } catch (error) {
      // The store may be down, but this browser is signed out in any case.
      return errorPageAnswer(error, answering, { cookies: [clearSession()] });
    }
  }),
});

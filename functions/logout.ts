import { app } from '@azure/functions';
import { requireApp } from '../shared/app.ts';
import { signOut } from '../shared/flows/signOut.ts';
import { answerPages, readCookies, redirectAnswer, requireOwnOrigin } from '../shared/http.ts';
import { openSession } from '../shared/session.ts';
import { observeFlow } from '../shared/telemetry.ts';

/** `POST /sso/logout`: ends every session of the person. */
app.http('logout', {
  route: 'sso/logout',
  methods: ['POST'],
  authLevel: 'anonymous',
  handler: answerPages(async (request, { context }) => {
    const services = requireApp();
    requireOwnOrigin(request, services.config.publicUrl);
    const session = await openSession(services.seal, readCookies(request));
    const cookie = await observeFlow(context, {
      name: 'signin.end',
      run: async () => signOut(services, session),
      describe: () => ({ userId: session?.userId }),
    });
    return redirectAnswer('/?signed_out', [cookie], 303);
  }),
});

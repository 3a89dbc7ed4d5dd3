import { app } from '@azure/functions';
import { requireApp } from '../shared/app.ts';
import { startLogin } from '../shared/signIn/startLogin.ts';
import { answerPages, findCanonicalLogin, readCookies, redirectAnswer } from '../shared/web/http.ts';
import { observeFlow } from '../shared/telemetry/events.ts';

/** `GET /sso/login`: starts an attempt and sends the browser to Microsoft. At another host it first goes to `PUBLIC_URL`. */
app.http('login', {
  route: 'sso/login',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: answerPages(async (request, { context }) => {
    const services = requireApp();
    const canonical = findCanonicalLogin(request, services.config.publicUrl);
    if (canonical !== undefined) return redirectAnswer(canonical, []);
    const loginHint = request.query.get('login_hint');
    const returnTo = request.query.get('return_to');
    const started = await observeFlow(context, {
      name: 'signin.start',
      run: async () =>
        startLogin(services.login, {
          cookies: readCookies(request),
          ...(loginHint === null ? {} : { loginHint }),
          ...(returnTo === null ? {} : { returnTo }),
          ...(request.query.get('prompt') === 'select_account' ? { selectAccount: true } : {}),
        }),
      describe: () => ({}),
    });
    return redirectAnswer(started.location, [...started.clearing, started.cookie]);
  }),
});

/** A simulated user with a browser. It follows redirects step by step and keeps cookies as a browser does. */
import { z } from 'zod';
import { CookieJar, walkSignIn } from '../../dev/identity/signInWalk.ts';
import { SESSION_COOKIE_NAME } from '../../shared/session/session.ts';
import { waitUntil } from './e2eWait.ts';

const meSchema = z.object({
  user: z.looseObject({ user_id: z.string(), user_role: z.string() }),
  organizations: z.array(z.looseObject({ organization_id: z.string() })),
  teams: z.array(z.looseObject({ team_id: z.string() })),
  provisioning: z.looseObject({
    status: z.enum(['pending', 'waiting', 'done', 'failed', 'superseded']),
    id: z.string(),
    observed_at: z.string(),
    reason: z.string().optional(),
    reported: z.array(z.looseObject({ id: z.string(), code: z.string() })),
  }),
});

/** The body of `GET /api/me`. */
export type Me = z.infer<typeof meSchema>;

/** A cookie that an answer set. */
export interface SetCookie {
  readonly name: string;
  readonly value: string;
  /** The attributes in lower case, such as `httponly` and `max-age=0`. */
  readonly attributes: readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** The `Location` header, or an empty string. */
  readonly location: string;
  readonly cookies: readonly SetCookie[];
}

export interface RequestOptions {
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AtMicrosoft {
  /** The user to choose on the emulator's page. */
  readonly login?: string;
  readonly consent?: 'yes' | 'no';
}

/** One browser. */
export class Visitor {
  /** The app's cookies, by name. A test may change them. */
  readonly cookies = new Map<string, string>();
  readonly #url: string;
  readonly #jar = new CookieJar();

  constructor(url: string) {
    this.#url = url;
  }

  /** Sends a request to the app. Keeps the cookies of the answer and follows no redirect. */
  async request(path: string, options: RequestOptions = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(new URL(path, this.#url), {
      method: options.method ?? 'GET',
      redirect: 'manual',
      headers: { ...(cookie === '' ? {} : { cookie }), ...options.headers },
    });
    const cookies = response.headers.getSetCookie().map(parseSetCookie);
    for (const { name, value, attributes } of cookies) {
      if (attributes.includes('max-age=0')) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return {
      status: response.status,
      headers: response.headers,
      body: await response.text(),
      location: response.headers.get('location') ?? '',
      cookies,
    };
  }

  /** Starts a sign-in and returns Microsoft's address. */
  async startLogin(query: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await this.request(`/sso/login?${new URLSearchParams(query).toString()}`);
    if (answer.status !== 302) throw new Error(`The login answered ${answer.status}: ${answer.body}`);
    return answer.location;
  }

  /** Signs in at Microsoft and returns the address of the callback, which the browser would open next. */
  async goToMicrosoft(authorizeUrl: string, options: AtMicrosoft = {}): Promise<string> {
    const walk = await walkSignIn(authorizeUrl, { ...options, jar: this.#jar });
    if (walk.redirect === undefined) throw new Error(`The emulator did not redirect the user: ${walk.page}`);
    return walk.redirect.href;
  }

  /**
   * Signs in completely and returns the callback's answer, even if it is an error. The emulator chooses `login` without a page.
   */
  async signIn(
    login: string,
    query: Readonly<Record<string, string>> = {},
    options: AtMicrosoft = {},
  ): Promise<Answer> {
    const authorizeUrl = await this.startLogin({ login_hint: login, ...query });
    return this.request(await this.goToMicrosoft(authorizeUrl, options));
  }

  get session(): string | undefined {
    return this.cookies.get(SESSION_COOKIE_NAME);
  }

  set session(value: string | undefined) {
    if (value === undefined) this.cookies.delete(SESSION_COOKIE_NAME);
    else this.cookies.set(SESSION_COOKIE_NAME, value);
  }

  /** Reads `GET /api/me`. Throws if the answer's status is not 200. */
  async me(): Promise<Me> {
    const { status, body } = await this.request('/api/me');
    if (status !== 200) throw new Error(`/api/me answered ${status}: ${body}`);
    return meSchema.parse(JSON.parse(body));
  }

  /** Reads `/api/me` until the provisioning has this status. Throws after a time, or at once if it ended with another status. */
  async waitFor(status: Me['provisioning']['status'], timeoutMs = 15_000): Promise<Me> {
    let last: Me | undefined;
    return waitUntil(
      async () => {
        last = await this.me();
        if (last.provisioning.status === status) return last;
        if (['pending', 'waiting'].includes(last.provisioning.status)) return undefined;
        throw new Error(`Not ${status}: ${JSON.stringify(last.provisioning)}`);
      },
      () => `${status}, but ${JSON.stringify(last?.provisioning)}`,
      timeoutMs,
    );
  }
}

/** Signs in with a new browser and waits until everything is provisioned. Throws if the sign-in is refused. */
export async function signInUntilDone(url: string, login: string): Promise<{ visitor: Visitor; me: Me }> {
  const visitor = new Visitor(url);
  const answer = await visitor.signIn(login);
  if (answer.status !== 302) throw new Error(`The sign-in answered ${answer.status}: ${answer.body}`);
  return { visitor, me: await visitor.waitFor('done') };
}

function parseSetCookie(header: string): SetCookie {
  const [pair = '', ...attributes] = header.split(';').map((part) => part.trim());
  const separator = pair.indexOf('=');
  return {
    name: pair.slice(0, separator),
    value: pair.slice(separator + 1),
    attributes: attributes.map((attribute) => attribute.toLowerCase()),
  };
}

/** A minimal browser for tests, which follows a sign-in through the emulator. */

export interface SignInWalkOptions {
  /** The account to pick if a page asks for one. */
  readonly login?: string;
  /** The answer if a page asks for consent. */
  readonly consent?: 'yes' | 'no';
  /** The browser's cookies, to keep between walks. Left out: a fresh browser. */
  readonly jar?: CookieJar;
}

export interface SignInWalk {
  /** The address at which the browser leaves the emulator: the redirect URI with `code` or `error`. */
  readonly redirect?: URL;
  /** The page on which the walk ended, if it did not leave the emulator. */
  readonly page?: string;
  readonly status: number;
}

const maxSteps = 12;

/** Cookies of one host, by path. */
export class CookieJar {
  #cookies = new Map<string, { readonly path: string; readonly pair: string }>();

  keep(response: Response, url: URL): void {
    for (const header of response.headers.getSetCookie()) {
      const pair = header.split(';')[0] ?? '';
      const path = /;\s*path=([^;]*)/i.exec(header)?.[1] ?? url.pathname;
      const key = `${pair.split('=')[0]} ${path}`;
      if (pair.endsWith('=')) {
        this.#cookies.delete(key);
      } else {
        this.#cookies.set(key, { path, pair });
      }
    }
  }

  headerFor(url: URL): string {
    return [...this.#cookies.values()]
      .filter(({ path }) => url.pathname.startsWith(path))
      .map(({ pair }) => pair)
      .join('; ');
  }
}

function chooseForm(page: string, options: SignInWalkOptions): URLSearchParams | undefined {
  if (page.includes('role="alert"')) {
    return undefined;
  }
  const hidden = /<input type="hidden" name="person" value="([^"]*)"/.exec(page)?.[1];
  if (hidden !== undefined) {
    return options.consent === undefined
      ? undefined
      : new URLSearchParams({ person: hidden, consent: options.consent });
  }
  return options.login === undefined || !page.includes('name="person"')
    ? undefined
    : new URLSearchParams({ person: options.login });
}

/** Walks from an authorize URL to the redirect URI, or to the page on which the emulator stops. */
export async function walkSignIn(authorizeUrl: string, options: SignInWalkOptions = {}): Promise<SignInWalk> {
  const jar = options.jar ?? new CookieJar();
  const { origin } = new URL(authorizeUrl);
  let url = new URL(authorizeUrl);
  let form: URLSearchParams | undefined;
  for (let step = 0; step < maxSteps; step += 1) {
    const response: Response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: jar.headerFor(url), accept: 'text/html' },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    });
    jar.keep(response, url);
    const page = await response.text();
    const location = response.headers.get('location');
    if (location === null) {
      form = chooseForm(page, options);
      if (form === undefined) {
        return { page, status: response.status };
      }
    } else {
      form = undefined;
      url = new URL(location, url);
      if (url.origin !== origin) {
        return { redirect: url, status: response.status };
      }
    }
  }
  throw new Error('The sign-in redirects in a circle.');
}

/** How often the page asks while a provisioning is under way, in milliseconds. */
export const HOME_PACE = {
  /** Until the first ask, and from one answer to the next in the beginning. */
  quickMs: 300,
  quickForMs: 3000,
  earlyMs: 1000,
  earlyForMs: 60_000,
  lateMs: 5000,
} as const;

/**
 * The home page's script. While `main[data-status]` is `pending` or `waiting` it asks `GET /api/provisioning/{id}` about the
 * observation that is shown (`data-observation`), which costs one table request: each 300 ms, after three seconds each second, after a
 * minute each 5 seconds, not while the tab is hidden. Where a next try is planned (`data-next-try`) it asks when that is over, but each
 * 30 seconds even so. Where the observation is not known any more (404: a newer sign-in elsewhere) it fetches the page, and from
 * then on asks `GET /api/me` if the same one is still shown.
 *
 * Once that is over it asks `GET /api/me` on for LiteLLM's sake while `main[data-telling]` says so: `pending` each second, each 5
 * seconds after 15 seconds, each 30 seconds after a minute; `waiting` (the proxy does not answer) when the next try is over, but not
 * within 5 seconds; ten minutes at most, and once more whenever the tab is seen again.
 *
 * When what is known there is not what is shown (`data-progress`, written by `progressKey`, and for LiteLLM `data-litellm`, by
 * `litellmKey`), it fetches `/`, once for one answer, takes over its `main`, keeps focus and opened lists, and says the new status to a
 * screen reader. A lost connection is tried on; a lost session (401) reloads, at most once in ten seconds, so that no disagreement
 * becomes a loop. A page that comes back out of the browser's history reloads: the person may have signed out since.
 */
export const homeScript = String.raw`
(() => {
  'use strict';
  const PACE = ${JSON.stringify(HOME_PACE)};
  const FIRST_MS = PACE.quickMs, EARLY_MS = PACE.earlyMs, LATE_MS = PACE.lateMs, RARE_MS = 30000;
  const MINUTE_MS = 60000, ANSWER_WITHIN_MS = 10000, TELLING_EARLY_MS = 15000, TELLING_LIMIT_MS = 600000;
  const LONG = 'This takes longer than usual. It goes on without this page: you can come back later.';
  const LOST = 'The server cannot be reached at the moment. Trying again.';
  const startedAt = Date.now();
  let timer = 0, isAsking = false, failures = 0, tellingSince = 0;
  /** An observation that the server does not know; the answer for which the page was fetched. */
  let unknownId, fetchedFor;

  const main = () => document.querySelector('main');
  const isUnderWay = () => ['pending', 'waiting'].includes(main().dataset.status);
  const isCheap = () => {
    const { observation } = main().dataset;
    return isUnderWay() && Boolean(observation) && observation !== unknownId;
  };
  const keyOf = (...parts) => parts.map((part) => part ?? '').join('|');
  const partsOf = (p) => [p.status, p.reason, p.attempts, p.updated_at, p.next_try_at];
  const progressKey = (provisioning) => keyOf(provisioning.id, ...partsOf(provisioning));
  const litellmKey = (litellm) => keyOf(...partsOf(litellm));

  function announce(text) {
    const announcer = document.getElementById('announcer');
    if (announcer.textContent !== text) announcer.textContent = text;
  }

  function reload() {
    const lastReload = Number(sessionStorage.getItem('reloaded_at') ?? 0);
    if (Date.now() - lastReload < 10000) throw new Error('reloaded just now');
    sessionStorage.setItem('reloaded_at', String(Date.now()));
    location.reload();
  }

  function ask(path, accept) {
    return fetch(path, {
      headers: { accept },
      cache: 'no-store',
      credentials: 'same-origin',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  }

  function findKept(within, name) {
    return [...within.querySelectorAll('[data-keep]')].find((element) => element.dataset.keep === name);
  }

  function takeOver(next) {
    const current = main();
    const hadFocus = current.contains(document.activeElement);
    const focused = hadFocus ? document.activeElement.dataset.keep : undefined;
    for (const open of current.querySelectorAll('details[open][data-keep]')) {
      const same = findKept(next, open.dataset.keep);
      if (same) same.open = true;
    }
    Object.assign(current.dataset, next.dataset);
    current.replaceChildren(...next.childNodes);
    if (hadFocus) (findKept(current, focused) ?? current).focus({ preventScroll: true });
    const said = [...current.querySelectorAll('[data-say]')].map((part) => part.textContent.trim().replace(/\s+/g, ' '));
    announce(said.map((text) => text.replace(/\.?$/, '.')).join(' '));
  }

  async function refresh() {
    const answer = await ask('/', 'text/html');
    if (!answer.ok) throw new Error('the page answered ' + answer.status);
    // Without its style, which bears that answer's nonce: under this page's policy it would be reported as a violation.
    const text = (await answer.text()).replace(/<(style)[^]*?<\/\1>/, '');
    const next = new DOMParser().parseFromString(text, 'text/html');
    const nextMain = next.querySelector('main[data-status]');
    if (nextMain === null) return reload();
    document.title = next.title;
    takeOver(nextMain);
  }

  /** Undefined: the page was fetched, or is about to be loaded anew. */
  async function readProvisioning() {
    const { observation } = main().dataset;
    const answer = await ask('/api/provisioning/' + encodeURIComponent(observation), 'application/json');
    if (answer.status === 404) {
      unknownId = observation;
      return refresh();
    }
    const provisioning = await readAnswer(answer);
    // What the page would be about, if it were fetched now: a newer sign-in elsewhere may be known by now.
    const id = provisioning?.newest_id;
    return provisioning && { said: progressKey({ ...provisioning, id }), shown: main().dataset.progress };
  }

  async function readMe() {
    const me = await readAnswer(await ask('/api/me', 'application/json'));
    const { progress, litellm } = main().dataset;
    return me && { said: keyOf(progressKey(me.provisioning), litellmKey(me.litellm)), shown: keyOf(progress, litellm) };
  }

  async function readAnswer(answer) {
    if (answer.status === 401) return reload();
    if (!answer.ok) throw new Error('the status answered ' + answer.status);
    return answer.json();
  }

  async function poll() {
    const keys = await (isCheap() ? readProvisioning() : readMe());
    if (keys === undefined) return;
    const { said, shown } = keys;
    // A page that says something else even so (a newer version of it, perhaps) is not fetched again and again.
    if (said !== shown && said !== fetchedFor) await refresh();
    fetchedFor = said === shown ? undefined : said;
  }

  function showNote() {
    const note = document.querySelector('[data-note]');
    if (note === null || !isUnderWay()) return;
    const isLong = main().dataset.status === 'pending' && Date.now() - startedAt > MINUTE_MS;
    note.dataset.note ||= note.textContent;
    const text = failures >= 2 ? LOST : isLong ? LONG : note.dataset.note;
    if (note.textContent.trim() === text.trim()) return;
    note.textContent = text;
    announce(text.trim());
  }

  async function turn() {
    timer = 0;
    if (document.hidden || isAsking) return;
    isAsking = true;
    try {
      await poll();
      failures = 0;
    } catch {
      failures += 1;
    }
    isAsking = false;
    showNote();
    schedule(nextDelay());
  }

  /** Milliseconds until the next try should be over. NaN: none is planned. */
  const untilTried = () => Date.parse(main().dataset.nextTry) - Date.now() + EARLY_MS;

  function underWayDelay() {
    const age = Date.now() - startedAt;
    const isQuick = isCheap() && main().dataset.status === 'pending' && failures === 0 && age < PACE.quickForMs;
    const delayMs = isQuick ? PACE.quickMs : age < PACE.earlyForMs ? EARLY_MS : LATE_MS;
    const dueMs = untilTried();
    if (failures > 0 || Number.isNaN(dueMs)) return delayMs;
    // Not only then: this clock may be wrong, and a newer sign-in elsewhere does not wait for it.
    return Math.max(delayMs, Math.min(dueMs, RARE_MS));
  }

  /** Undefined: nothing here moves by itself, or not for long. */
  function nextDelay() {
    const { telling } = main().dataset;
    if (isUnderWay()) return underWayDelay();
    if (!telling) return undefined;
    tellingSince ||= Date.now();
    const age = Date.now() - tellingSince;
    const dueMs = untilTried();
    const waitingMs = Math.max(LATE_MS, Number.isNaN(dueMs) ? RARE_MS : dueMs);
    const pendingMs = age < TELLING_EARLY_MS ? EARLY_MS : age < MINUTE_MS ? LATE_MS : RARE_MS;
    const delayMs = telling === 'waiting' ? waitingMs : pendingMs;
    return age + delayMs > TELLING_LIMIT_MS ? undefined : delayMs;
  }

  function schedule(delayMs) {
    clearTimeout(timer);
    timer = delayMs === undefined ? 0 : setTimeout(turn, delayMs);
  }

  const isWorthAsking = () => isUnderWay() || Boolean(main().dataset.telling);

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !isAsking && isWorthAsking()) schedule(0);
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  if (isWorthAsking()) schedule(isUnderWay() ? underWayDelay() : FIRST_MS);
})();
`;

/**
 * The home page's script. While `main[data-status]` is `pending` or `waiting` it asks `GET /api/me` (after 300 ms,
 * then each second, each 5 seconds after the first minute, not while the tab is hidden). Once that is over it asks on for
 * LiteLLM's sake while `main[data-telling]` says so: `pending` each second, each 5 seconds after 15 seconds, each 30 seconds after a
 * minute; `waiting` (the proxy does not answer) when the next try is over, but not within 5 seconds; ten minutes at most, and once
 * more whenever the tab is seen again. When what is known there is
 * not what is shown (`data-key`, written by `progressKey`), it fetches `/`, takes over
 * its `main`, keeps focus and opened lists, and says the new status to a screen reader. A lost connection is
 * tried on; a lost session (401) reloads, at most once in ten seconds, so that no disagreement becomes a loop.
 * A page that comes back out of the browser's history reloads: the person may have signed out since.
 */
export const homeScript = String.raw`
(() => {
  'use strict';
  const FIRST_MS = 300, EARLY_MS = 1000, LATE_MS = 5000, MINUTE_MS = 60000, ANSWER_WITHIN_MS = 10000;
  const TELLING_EARLY_MS = 15000, TELLING_RARE_MS = 30000, TELLING_LIMIT_MS = 600000;
  const LONG = 'This takes longer than usual. It goes on without this page: you can come back later.';
  const LOST = 'The server cannot be reached at the moment. Trying again.';
  const startedAt = Date.now();
  let timer = 0, isAsking = false, failures = 0, tellingSince = 0;

  const main = () => document.querySelector('main');
  const isUnderWay = () => ['pending', 'waiting'].includes(main().dataset.status);
  const partsOf = (p) => [p.status, p.reason, p.attempts, p.updated_at, p.next_try_at];
  const keyOf = (me) =>
    [me.provisioning.id, ...partsOf(me.provisioning), ...partsOf(me.litellm)].map((part) => part ?? '').join('|');

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

  async function poll() {
    const answer = await ask('/api/me', 'application/json');
    if (answer.status === 401) return reload();
    if (!answer.ok) throw new Error('the status answered ' + answer.status);
    const me = await answer.json();
    if (keyOf(me) !== main().dataset.key) await refresh();
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

  /** Undefined: nothing here moves by itself, or not for long. */
  function nextDelay() {
    const { telling, nextTry } = main().dataset;
    if (isUnderWay()) return Date.now() - startedAt < MINUTE_MS ? EARLY_MS : LATE_MS;
    if (!telling) return undefined;
    tellingSince ||= Date.now();
    const age = Date.now() - tellingSince;
    const dueMs = Date.parse(nextTry) - Date.now() + EARLY_MS;
    const waitingMs = Math.max(LATE_MS, Number.isNaN(dueMs) ? TELLING_RARE_MS : dueMs);
    const pendingMs = age < TELLING_EARLY_MS ? EARLY_MS : age < MINUTE_MS ? LATE_MS : TELLING_RARE_MS;
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
  if (isWorthAsking()) schedule(FIRST_MS);
})();
`;

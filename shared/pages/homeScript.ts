/**
 * The home page's script. While `main[data-status]` is `pending` or `waiting` it asks `GET /api/me` (after 300 ms,
 * then each second, each 5 seconds after the first minute, not while the tab is hidden). When the progress there is
 * not the one that is shown (`data-key`, written by `progressKey`), it fetches `/`, takes over
 * its `main`, keeps focus and opened lists, and says the new status to a screen reader. A lost connection is
 * tried on; a lost session (401) reloads, at most once in ten seconds, so that no disagreement becomes a loop.
 * A page that comes back out of the browser's history reloads: the person may have signed out since.
 */
export const homeScript = String.raw`
(() => {
  'use strict';
  const FIRST_MS = 300, EARLY_MS = 1000, LATE_MS = 5000, MINUTE_MS = 60000, ANSWER_WITHIN_MS = 10000;
  const LONG = 'This takes longer than usual. It goes on without this page: you can come back later.';
  const LOST = 'The server cannot be reached at the moment. Trying again.';
  const startedAt = Date.now();
  let timer = 0, isAsking = false, failures = 0;

  const main = () => document.querySelector('main');
  const isUnderWay = () => ['pending', 'waiting'].includes(main().dataset.status);
  const keyOf = (p) =>
    [p.id, p.status, p.reason, p.attempts, p.updated_at, p.next_try_at].map((part) => part ?? '').join('|');

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
    current.dataset.status = next.dataset.status;
    current.dataset.key = next.dataset.key;
    current.replaceChildren(...next.childNodes);
    if (hadFocus) (findKept(current, focused) ?? current).focus({ preventScroll: true });
    announce([...current.querySelectorAll('[data-say]')].map((part) => part.textContent.trim()).join('. '));
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
    if (keyOf(me.provisioning) !== main().dataset.key) await refresh();
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
    schedule(Date.now() - startedAt < MINUTE_MS ? EARLY_MS : LATE_MS);
  }

  function schedule(delayMs) {
    clearTimeout(timer);
    timer = isUnderWay() ? setTimeout(turn, delayMs) : 0;
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !isAsking) schedule(0);
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  schedule(FIRST_MS);
})();
`;

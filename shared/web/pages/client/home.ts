/**
 * The home page's script: asks the server until the setup is done and LiteLLM is updated, and shows each change.
 *
 * While `main[data-status]` is `pending` or `waiting`, it asks `GET /api/provisioning/{id}` about the observation on the page
 * (`data-observation`). That costs one table request. It asks every 300 ms; after three seconds every second; after a minute every
 * 5 seconds; and never while the tab is hidden. Where a next try is planned (`data-next-try`), it asks after that time, but at least
 * every 30 seconds. If the observation isn't known any more (404: a newer sign-in elsewhere replaced it), it fetches the page, and
 * from then on asks `GET /api/me` whether the same observation is still shown.
 *
 * After that, `main[data-syncing]` says whether LiteLLM is still being updated. Then it asks `GET /api/me`. On `pending` it asks every
 * second, every 5 seconds after 15 seconds, and every 30 seconds after a minute. On `waiting` (LiteLLM doesn't answer) it asks after
 * the next try, but not within 5 seconds. It stops after ten minutes, and asks once more whenever the tab is shown again.
 *
 * When an answer differs from the page (`data-progress` and `data-litellm`, see progressKey.ts), it fetches `/` once for that answer,
 * replaces `main`, keeps the focus and opened details, and announces the new status to screen readers. It keeps asking when the
 * connection is lost. When the session has ended (401), it reloads the page, at most once in ten seconds, so that a disagreement
 * can't become a loop. It also reloads a page that comes back from the browser's history: the person may have signed out since.
 */
import { joinKey, litellmKey, type Progress, progressKey } from './progressKey.ts';

/** How often the home page asks while a provisioning is under way, in milliseconds. */
const pace = {
  /** Before the first request, and from one answer to the next at the beginning. */
  quickMs: 300,
  quickForMs: 3000,
  earlyMs: 1000,
  earlyForMs: 60_000,
  lateMs: 5000,
} as const;

const RARE_MS = 30_000;
const MINUTE_MS = 60_000;
const ANSWER_WITHIN_MS = 10_000;
const RELOAD_PAUSE_MS = 10_000;
const SYNCING_EARLY_MS = 15_000;
const SYNCING_LIMIT_MS = 600_000;
const LONG = 'This takes longer than usual. It continues without this page, so you can come back later.';
const LOST = 'We can’t reach the server at the moment. Trying again.';

const startedAt = Date.now();
let timer = 0;
let isAsking = false;
let failures = 0;
let syncingSince = 0;
/** An observation that the server doesn't know. */
let unknownId: string | undefined;
/** The answer for which the page was last fetched. */
let fetchedFor: string | undefined;

/** The keys of the server's answer and of the page; equal while the page is current. */
interface Keys {
  readonly answered: string;
  readonly shown: string;
}

interface Answer extends Progress {
  /** The id of the observation that the page would show if it were fetched now. */
  readonly newest_id?: unknown;
  readonly provisioning?: unknown;
  readonly litellm?: unknown;
}

function findMain(): HTMLElement {
  const main = document.querySelector('main');
  if (main === null) throw new Error('the page has no main part');
  return main;
}

function isUnderWay(): boolean {
  return ['pending', 'waiting'].includes(findMain().dataset['status'] ?? '');
}

/** Returns the observation to ask about, which is cheaper than asking for everything that the person has. */
function findObservation(): string | undefined {
  const { observation } = findMain().dataset;
  return isUnderWay() && observation !== '' && observation !== unknownId ? observation : undefined;
}

function isWorthAsking(): boolean {
  return isUnderWay() || Boolean(findMain().dataset['syncing']);
}

function announce(text: string): void {
  const announcer = document.getElementById('announcer');
  if (announcer !== null && announcer.textContent !== text) announcer.textContent = text;
}

function reload(): void {
  const lastReload = Number(sessionStorage.getItem('reloaded_at') ?? 0);
  if (Date.now() - lastReload < RELOAD_PAUSE_MS) throw new Error('reloaded just now');
  sessionStorage.setItem('reloaded_at', String(Date.now()));
  location.reload();
}

function ask(path: string, accept: string): Promise<Response> {
  return fetch(path, {
    headers: { accept },
    cache: 'no-store',
    credentials: 'same-origin',
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
}

function findKept(within: ParentNode, name: string | undefined): HTMLElement | undefined {
  const kept = within.querySelectorAll<HTMLElement>('[data-keep]');
  return [...kept].find((element) => element.dataset['keep'] === name);
}

/** Opens the details in the new part that are open in the current one. */
function keepOpened(current: HTMLElement, next: HTMLElement): void {
  for (const open of current.querySelectorAll<HTMLDetailsElement>('details[open][data-keep]')) {
    findKept(next, open.dataset['keep'])?.setAttribute('open', '');
  }
}

function announceStatus(main: HTMLElement): void {
  const sentences = [...main.querySelectorAll('[data-say]')].map((part) =>
    part.textContent.trim().replace(/\s+/g, ' ').replace(/\.?$/, '.'),
  );
  announce(sentences.join(' '));
}

function replaceMain(next: HTMLElement): void {
  const current = findMain();
  const focused = document.activeElement;
  const hadFocus = current.contains(focused);
  keepOpened(current, next);
  Object.assign(current.dataset, next.dataset);
  current.replaceChildren(...next.childNodes);
  if (hadFocus) {
    const name = focused instanceof HTMLElement ? focused.dataset['keep'] : undefined;
    (findKept(current, name) ?? current).focus({ preventScroll: true });
  }
  announceStatus(current);
}

async function refresh(): Promise<void> {
  const answer = await ask('/', 'text/html');
  if (!answer.ok) throw new Error(`the page answered ${answer.status}`);
  // The style bears that answer's nonce. This page's policy would report it as a violation.
  const text = (await answer.text()).replace(/<(style)[^]*?<\/\1>/, '');
  const next = new DOMParser().parseFromString(text, 'text/html');
  const nextMain = next.querySelector<HTMLElement>('main[data-status]');
  if (nextMain === null) {
    reload();
    return;
  }
  document.title = next.title;
  replaceMain(nextMain);
}

function requireObject(value: unknown): Answer {
  if (typeof value !== 'object' || value === null) throw new TypeError('the answer is not an object');
  return value;
}

/** Returns `undefined` if the page is about to be reloaded. */
async function readAnswer(answer: Response): Promise<Answer | undefined> {
  if (answer.status === 401) {
    reload();
    return undefined;
  }
  if (!answer.ok) throw new Error(`the status answered ${answer.status}`);
  return requireObject(await answer.json());
}

/** Returns `undefined` if the page was fetched, or is about to be reloaded. */
async function readProvisioning(observation: string): Promise<Keys | undefined> {
  const answer = await ask(`/api/provisioning/${encodeURIComponent(observation)}`, 'application/json');
  if (answer.status === 404) {
    unknownId = observation;
    await refresh();
    return undefined;
  }
  const provisioning = await readAnswer(answer);
  if (provisioning === undefined) return undefined;
  // A newer sign-in elsewhere may be known by now, and the page would show that one.
  const answered = progressKey({ ...provisioning, id: provisioning.newest_id });
  return { answered, shown: findMain().dataset['progress'] ?? '' };
}

/** Returns `undefined` if the page is about to be reloaded. */
async function readMe(): Promise<Keys | undefined> {
  const me = await readAnswer(await ask('/api/me', 'application/json'));
  if (me === undefined) return undefined;
  const { progress, litellm } = findMain().dataset;
  const answered = [progressKey(requireObject(me.provisioning)), litellmKey(requireObject(me.litellm))];
  return { answered: joinKey(answered), shown: joinKey([progress, litellm]) };
}

async function askOnce(): Promise<void> {
  const observation = findObservation();
  const keys = await (observation === undefined ? readMe() : readProvisioning(observation));
  if (keys === undefined) return;
  const { answered, shown } = keys;
  // The page may still differ after that (a newer version of it, perhaps). It isn't fetched again and again.
  if (answered !== shown && answered !== fetchedFor) await refresh();
  fetchedFor = answered === shown ? undefined : answered;
}

function showNote(): void {
  const note = document.querySelector<HTMLElement>('[data-note]');
  if (note === null || !isUnderWay()) return;
  const isLong = findMain().dataset['status'] === 'pending' && Date.now() - startedAt > MINUTE_MS;
  // The attribute keeps the page's own text, to show it again later.
  const original = note.dataset['note'] || note.textContent;
  note.dataset['note'] = original;
  const longOrOriginal = isLong ? LONG : original;
  const text = failures >= 2 ? LOST : longOrOriginal;
  if (note.textContent.trim() === text.trim()) return;
  note.textContent = text;
  announce(text.trim());
}

async function askAndSchedule(): Promise<void> {
  timer = 0;
  if (document.hidden || isAsking) return;
  isAsking = true;
  try {
    await askOnce();
    failures = 0;
  } catch {
    failures += 1;
  }
  isAsking = false;
  showNote();
  schedule(nextDelay());
}

/** Returns the milliseconds until the next try should be over. NaN: none is planned. */
function untilTried(): number {
  return Date.parse(findMain().dataset['nextTry'] ?? '') - Date.now() + pace.earlyMs;
}

function underWayDelay(): number {
  const age = Date.now() - startedAt;
  const isPending = findMain().dataset['status'] === 'pending';
  const isQuick = isPending && findObservation() !== undefined && failures === 0 && age < pace.quickForMs;
  const slowMs = age < pace.earlyForMs ? pace.earlyMs : pace.lateMs;
  const delayMs = isQuick ? pace.quickMs : slowMs;
  const dueMs = untilTried();
  if (failures > 0 || Number.isNaN(dueMs)) return delayMs;
  // Not only after the next try: this clock may be wrong, and a newer sign-in elsewhere doesn't wait for it.
  return Math.max(delayMs, Math.min(dueMs, RARE_MS));
}

function syncingDelay(syncing: string, age: number): number {
  if (syncing === 'waiting') {
    const dueMs = untilTried();
    return Math.max(pace.lateMs, Number.isNaN(dueMs) ? RARE_MS : dueMs);
  }
  if (age < SYNCING_EARLY_MS) return pace.earlyMs;
  return age < MINUTE_MS ? pace.lateMs : RARE_MS;
}

/** Returns `undefined` if nothing changes by itself, or not soon. */
function nextDelay(): number | undefined {
  if (isUnderWay()) return underWayDelay();
  const { syncing } = findMain().dataset;
  if (!syncing) return undefined;
  syncingSince ||= Date.now();
  const age = Date.now() - syncingSince;
  const delayMs = syncingDelay(syncing, age);
  return age + delayMs > SYNCING_LIMIT_MS ? undefined : delayMs;
}

function schedule(delayMs: number | undefined): void {
  clearTimeout(timer);
  timer = delayMs === undefined ? 0 : setTimeout(() => void askAndSchedule(), delayMs);
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden && !isAsking && isWorthAsking()) schedule(0);
});
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload();
});
if (isWorthAsking()) schedule(isUnderWay() ? underWayDelay() : pace.quickMs);

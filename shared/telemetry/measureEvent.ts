import type { CounterName } from './metrics.ts';
import type { Tracing } from './tracing.ts';

type Fields = Readonly<Record<string, unknown>>;

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Returns how the flow of an event ended, as one word: the error's code, or its decision, or `ok`. */
export function outcomeOf(name: string, fields: Fields): string {
  const code = textOf(fields['code']);
  if (code !== undefined) return code;
  // Without a person, the sign-in continues at Microsoft, which asked for one more step.
  if (name === 'signin.complete') return fields['userId'] === undefined ? 'challenged' : 'ok';
  return textOf(fields['status']) ?? textOf(fields['decision']) ?? 'ok';
}

/**
 * Records the metrics that belong to an event, and its outcome on the running span. Metrics come from events, so
 * that they always agree.
 */
export function measureEvent(tracing: Tracing, name: string, fields: Fields): void {
  if (tracing.isOff) return;
  const outcome = outcomeOf(name, fields);
  tracing.current()?.set({ 'app.outcome': outcome });
  const reason = textOf(fields['reason']);
  if (name === 'signin.complete') tracing.add('signin.outcomes', 1, { outcome });
  const isKept = fields['code'] === undefined && fields['putBack'] === undefined;
  if (name === 'provision.failure' && isKept) tracing.add('provision.poisoned', 1, { reason });
  if (name === 'sync.failure' && isKept) tracing.add('sync.poisoned', 1, { reason });
  if (name === 'provision.user') measureDelivery(tracing, 'provision', { fields, outcome });
  if (name === 'sync.person' || name === 'sync.entity') {
    measureDelivery(tracing, 'sync', { fields, outcome });
    measureCount(tracing, 'sync.memberships.added', fields['added']);
    measureCount(tracing, 'sync.memberships.removed', fields['removed']);
  }
}

interface Delivered {
  readonly fields: Fields;
  readonly outcome: string;
}

function measureDelivery(tracing: Tracing, queue: 'provision' | 'sync', event: Delivered): void {
  const { fields, outcome } = event;
  tracing.add(`${queue}.outcomes`, 1, { outcome });
  if (outcome === 'waiting') tracing.add(`${queue}.put_back`, 1, { reason: textOf(fields['reason']) });
  const seconds = fields['secondsSinceSignIn'];
  if ((outcome === 'done' || outcome === 'unchanged') && typeof seconds === 'number') {
    tracing.record(`${queue}.delay`, seconds, { outcome });
  }
}

function measureCount(tracing: Tracing, name: CounterName, count: unknown): void {
  if (typeof count === 'number' && count > 0) tracing.add(name, count);
}

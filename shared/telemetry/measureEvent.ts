import type { Tracing } from './tracing.ts';

type Fields = Readonly<Record<string, unknown>>;

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Gives how the flow of an event ended, as one word: the error's code, else what it decided, else `ok`. */
export function outcomeOf(name: string, fields: Fields): string {
  const code = textOf(fields['code']);
  if (code !== undefined) return code;
  // Without a person the sign-in goes on at Microsoft: it asked for one more step.
  if (name === 'signin.complete') return fields['userId'] === undefined ? 'challenged' : 'ok';
  return textOf(fields['status']) ?? textOf(fields['decision']) ?? 'ok';
}

/**
 * Records the metrics that an event means, and its outcome on the span that runs. Metrics are read off the events, so that the
 * two never disagree.
 */
export function measureEvent(tracing: Tracing, name: string, fields: Fields): void {
  if (tracing.isOff) return;
  const outcome = outcomeOf(name, fields);
  tracing.current()?.set({ 'app.outcome': outcome });
  const reason = textOf(fields['reason']);
  if (name === 'signin.complete') tracing.add('signin.outcomes', 1, { outcome });
  if (name === 'provision.failure' && fields['code'] === undefined && fields['putBack'] === undefined) {
    tracing.add('provision.poisoned', 1, { reason });
  }
  if (name !== 'provision.user') return;
  tracing.add('provision.outcomes', 1, { outcome });
  if (outcome === 'waiting') tracing.add('provision.put_back', 1, { reason });
  const seconds = fields['secondsSinceSignIn'];
  if ((outcome === 'done' || outcome === 'unchanged') && typeof seconds === 'number') {
    tracing.record('provision.delay', seconds, { outcome });
  }
}

/** Log lines as the product writes them, through its own telemetry, to run the alerts' queries on. */
import { AppError } from '../../../shared/model/errors.ts';
import type { ErrorCode } from '../../../shared/model/errors.ts';
import {
  MAX_DELIVERIES,
  PROVISION_POISON_QUEUE,
  SYNC_POISON_QUEUE,
} from '../../../shared/queue/queueNames.ts';
import { errorFields, writeEvent } from '../../../shared/telemetry/events.ts';
import type { EventFields, EventName } from '../../../shared/telemetry/events.ts';

/** The one line that an event writes. */
function lineOf(name: EventName, fields: EventFields): string {
  let line = '';
  const write = (...parts: readonly unknown[]): void => {
    line = String(parts[0]);
  };
  const log = {
    invocationId: '00000000-0000-4000-8000-00000000000a',
    info: write,
    warn: write,
    error: write,
  };
  writeEvent(log, { name, level: 'info' }, fields);
  return line;
}

function failure(code: ErrorCode, retryable: boolean): EventFields {
  return { ...errorFields(new AppError(code, 'What was attempted', { retryable })), durationMs: 12 };
}

const id = '7e57ed00-0000-4000-8000-000000000001';

/** The one text of the Functions host that an alert may look for: it moves a message to a poison queue. */
export const HOST_MOVED = 'Message has reached MaxDequeueCount';

/** The whole line, as the host's queue extension writes it. */
function movedTo(queue: string): string {
  return `${HOST_MOVED} of ${MAX_DELIVERIES}. Moving message to queue '${queue}'.`;
}

/** By a name that says what happened. */
export const alertSamples: ReadonlyMap<string, string> = new Map([
  ['the host moves a sign-in', movedTo(PROVISION_POISON_QUEUE)],
  ['the host moves a push', movedTo(SYNC_POISON_QUEUE)],
  ["the host moves somebody else's message", movedTo('other-poison')],
  ['the host begins to listen', `Listening on queue '${PROVISION_POISON_QUEUE}'.`],
  ['somebody quotes the host', JSON.stringify({ message: movedTo(SYNC_POISON_QUEUE) })],
  ["the host's own words", "Executed 'Functions.provision' (Succeeded, Id=7e57ed00, Duration=12ms)"],
  ['somebody writes an event name', 'provision.failure signin.complete configuration.fault'],
  ['JSON that is no event', '{"message":"provision.failure","code":"unexpected"}'],
  ['a sign-in', lineOf('signin.complete', { userId: id, observationId: id, durationMs: 80 })],
  ['a sign-in starts', lineOf('signin.start', { durationMs: 3 })],
  ['a page', lineOf('page.home', { userId: id, status: 'done', teams: 2, durationMs: 9 })],
  ['a page fails', lineOf('page.home', failure('storage_unavailable', true))],
  ['a person is provisioned', lineOf('provision.user', { userId: id, status: 'done', attempt: 1 })],
  ['a person has what is due', lineOf('provision.user', { userId: id, status: 'unchanged', attempt: 1 })],
  [
    'a person waits',
    lineOf('provision.user', { userId: id, status: 'waiting', reason: 'directory_unreachable' }),
  ],
  ['an attempt fails and is repeated', lineOf('provision.user', failure('storage_unavailable', true))],
  ['an attempt fails for good', lineOf('provision.user', failure('message_unreadable', false))],
  ['an attempt fails unexpectedly', lineOf('provision.user', errorFields(new TypeError('x')))],
  ['a message is poison', lineOf('provision.failure', { messageId: id, reason: 'waited_too_long' })],
  ['a poison message cannot be kept', lineOf('provision.failure', failure('storage_unavailable', true))],
  ['the credential is refused', lineOf('signin.complete', failure('credential_refused', false))],
  ['Microsoft does not answer', lineOf('signin.complete', failure('microsoft_unreachable', true))],
  ['a sign-in cannot start', lineOf('signin.start', failure('storage_unavailable', true))],
  ['consent is missing', lineOf('signin.complete', failure('consent_missing', false))],
  ['an old link', lineOf('signin.complete', failure('attempt_missing', false))],
  ['a foreign link', lineOf('signin.complete', failure('state_mismatch', false))],
  ['half a link', lineOf('signin.complete', failure('code_missing', false))],
  ['a person declines', lineOf('signin.complete', failure('consent_declined', false))],
  ['the groups are read', lineOf('groups.refresh', { decision: 'accepted', groups: 12, version: 'v1' })],
  ['the groups are held back', lineOf('groups.refresh', { decision: 'held_back', groups: 12, lost: 6 })],
  [
    'an organization fails',
    lineOf('groups.refresh', { decision: 'accepted', organizationFailure: 'storage_refused' }),
  ],
  ['Graph does not answer the timer', lineOf('groups.refresh', failure('directory_unreachable', true))],
  ['a permission is missing', lineOf('groups.refresh', failure('directory_permission_missing', false))],
  ['memberships are repaired', lineOf('members.repair', { durationMs: 900 })],
  ['the repair meets a busy store', lineOf('members.repair', failure('storage_unavailable', true))],
  ['the repair fails', lineOf('members.repair', failure('storage_refused', false))],
  ['a person is in LiteLLM', lineOf('sync.person', { userId: id, status: 'done', durationMs: 40 })],
  ['a team is in LiteLLM', lineOf('sync.entity', { status: 'done', durationMs: 30 })],
  ['LiteLLM is down', lineOf('sync.person', { status: 'waiting', reason: 'litellm_unreachable' })],
  ['LiteLLM refuses one thing', lineOf('sync.person', { status: 'failed', reason: 'litellm_refused' })],
  ['LiteLLM refuses the key', lineOf('sync.person', { status: 'waiting', reason: 'litellm_key_refused' })],
  ['no LiteLLM answers', lineOf('sync.entity', { status: 'waiting', reason: 'litellm_answer_invalid' })],
  ['a sign-in page answers', lineOf('sync.person', { status: 'waiting', reason: 'litellm_answer_invalid' })],
  ['the key is gone', lineOf('sync.entity', { status: 'waiting', reason: 'litellm_key_refused' })],
  ['somebody else speaks of the key', lineOf('page.home', { reason: 'litellm_key_refused' })],
  ['a push is repeated', lineOf('sync.person', failure('storage_unavailable', true))],
  ['a push is given up', lineOf('sync.failure', { messageId: id, reason: 'waited_too_long' })],
  ['a push cannot be kept', lineOf('sync.failure', failure('storage_unavailable', true))],
  ['the proxy is repaired', lineOf('sync.repair', { durationMs: 60_000 })],
  ['the repair of the proxy meets a busy one', lineOf('sync.repair', failure('litellm_unreachable', true))],
  ['the repair of the proxy needs a key', lineOf('sync.repair', failure('litellm_key_refused', true))],
  ['the repair of the proxy finds none', lineOf('sync.repair', failure('litellm_answer_invalid', true))],
  ['somebody else needs a key', lineOf('page.home', failure('litellm_key_refused', true))],
  ['the repair of the proxy fails', lineOf('sync.repair', failure('storage_refused', false))],
  ['a setting is wrong', lineOf('configuration.fault', failure('configuration_invalid', false))],
]);

/** Which of them each alert must count. */
export const expectedSamples: ReadonlyMap<string, readonly string[]> = new Map([
  ['poison', ['a message is poison', 'a poison message cannot be kept', 'the host moves a sign-in']],
  ['sync', ['a push is given up', 'a push cannot be kept', 'the host moves a push']],
  ['provisioning', ['an attempt fails for good', 'an attempt fails unexpectedly']],
  [
    'signIn',
    [
      'the credential is refused',
      'Microsoft does not answer',
      'a sign-in cannot start',
      'consent is missing',
    ],
  ],
  [
    'operator',
    [
      'the groups are held back',
      'an organization fails',
      'a permission is missing',
      'the repair fails',
      'the repair of the proxy fails',
      'the repair of the proxy needs a key',
      'the repair of the proxy finds none',
      'LiteLLM refuses the key',
      'no LiteLLM answers',
      'a sign-in page answers',
      'the key is gone',
      'a setting is wrong',
    ],
  ],
]);

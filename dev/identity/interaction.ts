/** The pages between the authorize request and the way back: picking an account, giving consent. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

import { errors } from 'oidc-provider';
import type { InteractionResults, Provider } from 'oidc-provider';

import { findPerson, isAssigned, loginOf, parseDirectory, subjectOf } from './directory.ts';
import type { Person } from './directory.ts';
import type { Emulator } from './emulator.ts';
import { describeError, entraErrors } from './entraErrors.ts';
import type { EntraError } from './entraErrors.ts';
import { renderConsentPage, renderPickPage, renderRefusalPage } from './pages.ts';

interface Answer {
  readonly status?: number;
  readonly page?: string;
  /** The result with which the person returns to the application. */
  readonly result?: InteractionResults;
}

interface Choice {
  readonly person: Person;
  readonly consent: string | null;
  readonly scopes: readonly string[];
  readonly prompts: readonly string[];
}

const backWith = (error: EntraError, at: Date): Answer => ({
  result: { error: error.error, error_description: describeError(error, at) },
});

function findConsentRefusal(emulator: Emulator): EntraError | undefined {
  const { consentMissing } = emulator.faults.current;
  const { displayName } = emulator.directory().application;
  if (consentMissing === true) {
    return entraErrors.consentMissing(displayName, 'access_denied');
  }
  return typeof consentMissing === 'object' && consentMissing.at === 'authorize'
    ? entraErrors.consentMissing(displayName, consentMissing.error ?? 'access_denied')
    : undefined;
}

function rememberConsent(emulator: Emulator, person: Person): void {
  const directory = emulator.directory();
  const people = directory.people.map((each) =>
    each.id === person.id ? { ...each, consented: true } : each,
  );
  emulator.changeDirectory(parseDirectory({ ...directory, people }));
}

/** Returns Entra's refusal before it looks at consent, or `undefined` if the person may continue. */
function findAccountRefusal(emulator: Emulator, person: Person): Answer | undefined {
  const directory = emulator.directory();
  const now = emulator.now();
  if (!person.enabled) {
    return { page: renderPickPage({ directory, refusal: describeError(entraErrors.accountDisabled, now) }) };
  }
  if (isAssigned(directory, person)) {
    return undefined;
  }
  const refusal = entraErrors.notAssigned(loginOf(person), directory.application.displayName);
  return emulator.faults.current.notAssignedPage === true
    ? { page: renderRefusalPage(describeError(refusal, now)) }
    : backWith(refusal, now);
}

async function answerChoice(emulator: Emulator, provider: Provider, choice: Choice): Promise<Answer> {
  const { person, consent, scopes, prompts } = choice;
  const refused = findAccountRefusal(emulator, person);
  if (refused !== undefined) {
    return refused;
  }
  const consentRefusal = findConsentRefusal(emulator);
  if (consentRefusal !== undefined) {
    return backWith(consentRefusal, emulator.now());
  }
  const mustAsk =
    prompts.includes('consent') || !person.consented || emulator.faults.current.askConsent === true;
  if (consent === 'no') {
    return backWith(entraErrors.consentDeclined, emulator.now());
  }
  if (mustAsk && consent !== 'yes') {
    return { page: renderConsentPage({ directory: emulator.directory(), person, scopes }) };
  }
  if (!person.consented) {
    rememberConsent(emulator, person);
  }
  const directory = emulator.directory();
  const accountId = subjectOf(directory, person);
  const grant = new provider.Grant({ accountId, clientId: directory.application.clientId });
  grant.addOIDCScope(scopes.join(' '));
  return { result: { login: { accountId }, consent: { grantId: await grant.save() }, select_account: {} } };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

async function answer(emulator: Emulator, provider: Provider, exchange: Exchange): Promise<Answer> {
  const { params } = await provider.interactionDetails(exchange.request, exchange.response);
  const directory = emulator.directory();
  const form = new URLSearchParams(exchange.request.method === 'POST' ? await text(exchange.request) : '');
  const prompts = textOf(params['prompt']).split(' ');
  const hint = prompts.includes('select_account') ? '' : textOf(params['login_hint']);
  const login = form.get('person') ?? hint;
  if (login === '') {
    return { page: renderPickPage({ directory }) };
  }
  const person = findPerson(directory, login.trim());
  return person === undefined
    ? {
        page: renderPickPage({
          directory,
          refusal: describeError(entraErrors.accountUnknown(login), emulator.now()),
        }),
      }
    : answerChoice(emulator, provider, {
        person,
        consent: form.get('consent'),
        scopes: textOf(params['scope']).split(' ').filter(Boolean),
        prompts,
      });
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Answers a request for the interaction page. */
export async function handleInteraction(
  emulator: Emulator,
  provider: Provider,
  exchange: Exchange,
): Promise<void> {
  const { request, response } = exchange;
  let answered: Answer;
  try {
    answered = await answer(emulator, provider, exchange);
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) {
      throw error;
    }
    answered = {
      status: 400,
      page: renderRefusalPage(
        'This sign-in has expired, or you began it in another browser. Start at the application again.',
      ),
    };
  }
  if (answered.result !== undefined) {
    await provider.interactionFinished(request, response, answered.result, {
      mergeWithLastSubmission: false,
    });
    return;
  }
  response.writeHead(answered.status ?? 200, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  });
  response.end(answered.page);
}

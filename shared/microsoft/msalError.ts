import { AuthError, ClientAuthErrorCodes, InteractionRequiredAuthError, ServerError } from '@azure/msal-node';
import { signInError } from './signInError.ts';
import { AppError } from '../model/errors.ts';

const TOKEN_FAULTS: ReadonlySet<string> = new Set([
  ClientAuthErrorCodes.nonceMismatch,
  ClientAuthErrorCodes.tokenParsingError,
  ClientAuthErrorCodes.nullOrEmptyToken,
]);

/**
 * Returns the AppError for a failure of MSAL. Throws the error itself if it isn't MSAL's, because that is a defect.
 * MSAL's own error is never the cause: its text is Entra's description, which may name the person.
 */
export function appErrorOfMsal(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof AuthError)) throw error;
  if (error.cause instanceof AppError) return error.cause;
  if (error.errorCode === ClientAuthErrorCodes.networkError) {
    return new AppError('microsoft_unreachable', 'Microsoft did not answer usably', { retryable: true });
  }
  if (TOKEN_FAULTS.has(error.errorCode)) {
    return new AppError('id_token_invalid', 'The token endpoint gave no acceptable id_token', {
      details: { fault: error.errorCode },
    });
  }
  return signInError({
    error: error.errorCode,
    suberror: error.subError === '' ? undefined : error.subError,
    description: error.errorMessage,
    number: numberOf(error),
    claims: error instanceof InteractionRequiredAuthError && error.claims !== '' ? error.claims : undefined,
  });
}

function numberOf(error: AuthError): string | undefined {
  return error instanceof InteractionRequiredAuthError || error instanceof ServerError
    ? error.errorNo
    : undefined;
}

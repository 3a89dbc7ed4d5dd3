import type { UserRecord } from '../model/userRecord.ts';
import { AppError } from '../model/errors.ts';
import type { Session } from './session.ts';

/**
 * Throws `session_missing` where the person signed out since the session was issued (a copied cookie dies too), and
 * `account_inactive` where an admin closed the account. Every page and API calls it with the row that it reads anyway.
 */
export function requireLiveSession(session: Session, record: UserRecord | undefined): void {
  if (record === undefined) return;
  if (!record.active)
    throw new AppError('account_inactive', 'The account was closed here by an administrator.');
  const validFrom = record.sessionsValidFrom;
  // A time that cannot be read ends the session: unknown is not "never".
  if (validFrom !== undefined && !(Date.parse(session.issuedAt) > Date.parse(validFrom))) {
    throw new AppError('session_missing', 'The person signed out since the session was issued.');
  }
}

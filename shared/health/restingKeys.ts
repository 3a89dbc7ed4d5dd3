/** What the health detail says about the keys of people who left a team. */
import { errorCodeOf } from '../model/errors.ts';
import type { KeyReport } from '../model/restingKeys.ts';
import type { DueKeys } from '../storage/parkedKeys.ts';

/** Counts only: never a hash or an alias. */
export interface RestingKeysDetail {
  readonly status: 'ok' | 'waiting' | 'failing';
  readonly error?: string;
  readonly checked_at?: string;
  readonly parked?: number;
  /** Past their date. */
  readonly due?: number;
  /** Of these: no sign-in or read of the directory has confirmed yet that the group is missing. */
  readonly unconfirmed?: number;
  /** The due keys that wait for acceptance. */
  readonly held_back?: { readonly version: string; readonly keys: number; readonly since: string };
  readonly service_accounts?: number;
  /** Keys in our teams without a membership behind them, which were left alone. */
  readonly strays_left_alone?: number;
  /** Closed accounts whose keys go on working, because LITELLM_CLOSE_FOUND is off. */
  readonly closed_with_keys?: number;
  readonly hint?: string;
}

function hintOf({ heldBack }: KeyReport): string | undefined {
  if (heldBack === undefined) return undefined;
  const { hashes, version } = heldBack;
  return `${hashes.length} resting keys are due, which is too many for one day, so none is deleted. If that is right, set LITELLM_PARKED_KEYS_ACCEPT=${version}. The next daily job then deletes exactly these keys.`;
}

/** Reads the report of the daily job: one point read. Returns `undefined` if there is none. Never throws. */
export async function checkRestingKeys(
  restingKeys: Pick<DueKeys, 'findReport'> | undefined,
): Promise<RestingKeysDetail | undefined> {
  let report: KeyReport | undefined;
  try {
    report = await restingKeys?.findReport();
  } catch (error) {
    return { status: 'failing', error: errorCodeOf(error) };
  }
  if (report === undefined) return undefined;
  const { checkedAt, parked, due, unconfirmed, heldBack, withoutOwner, strays, closedWithKeys } = report;
  const hint = hintOf(report);
  return {
    status: heldBack === undefined ? 'ok' : 'waiting',
    checked_at: checkedAt,
    parked,
    due,
    unconfirmed,
    ...(heldBack === undefined
      ? {}
      : { held_back: { version: heldBack.version, keys: heldBack.hashes.length, since: heldBack.since } }),
    service_accounts: withoutOwner,
    strays_left_alone: strays.leftAlone,
    closed_with_keys: closedWithKeys,
    ...(hint === undefined ? {} : { hint }),
  };
}

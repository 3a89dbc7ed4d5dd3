import type { ErrorCode } from '../model/errors.ts';

/** The codes with which Entra's refusals are explained. Each has its own sentence, and names who can fix it. */
export type RefusalCode = Extract<
  ErrorCode,
  | 'consent_missing'
  | 'consent_declined'
  | 'not_assigned'
  | 'account_disabled'
  | 'account_locked'
  | 'password_expired'
  | 'wrong_tenant'
  | 'policy_blocked'
  | 'device_refused'
  | 'interaction_required'
  | 'identity_provider_failed'
  | 'application_disabled'
  | 'application_misconfigured'
  | 'credential_refused'
  | 'code_refused'
  | 'microsoft_unreachable'
>;

/**
 * The AADSTS numbers that a sign-in can meet at the authorize or token endpoint, by the code that explains them to the person
 * (`errorTexts.ts` has its sentence and who can fix it). Left out: SAML, device codes, on-behalf-of, password changes and
 * multi-tenant endpoints, which this product doesn't use. A number that isn't here is `sign_in_refused`, which shows it.
 *
 * Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 * (MicrosoftDocs/entra-docs, docs/identity-platform/reference-error-codes.md). Not on that page, but in Entra's sign-in logs or
 * answers: 530003, 530021, 650053, 700024, 70021, 700211 to 700214, 1002012, 9002325. https://login.microsoftonline.com/error
 * explains each number.
 */
export const AADSTS_NUMBERS: Readonly<Record<RefusalCode, readonly number[]>> = {
  consent_missing: [65001, 90008, 90093, 90094, 90095, 90099],
  consent_declined: [65004],
  not_assigned: [50105],
  account_disabled: [50057],
  // Too many wrong passwords, or an address with a bad reputation.
  account_locked: [50053],
  password_expired: [50055, 50125, 50135, 50144],
  // The account is not known in this tenant.
  wrong_tenant: [16003, 50014, 50020, 50034, 500208, 51004, 90072],
  // Conditional Access, risk, tenant restrictions, cross-tenant access, age rules, hours of the day.
  policy_blocked: [
    50002, 50005, 50015, 50131, 50177, 50178, 500021, 500022, 500212, 500213, 53003, 53004, 53010, 53011,
    530032, 530034, 530035, 54000, 80012, 90084, 90123, 1000104,
  ],
  // A policy asks for another device, or for an app or browser that shows it.
  device_refused: [
    50097, 50127, 50129, 50155, 50187, 50192, 53000, 53001, 53002, 530003, 530021, 130007, 130008, 135011,
  ],
  // A password, a second factor, a choice of account, or a session at Microsoft that is over.
  interaction_required: [
    16000, 16001, 16002, 160021, 50056, 50058, 50064, 50072, 50074, 50076, 50078, 50079, 50085, 50089, 50126,
    50132, 50133, 50136, 50139, 50140, 50143, 50158, 50168, 50173, 50197, 50199, 500121, 51006, 70043, 700020,
  ],
  // The organization's own sign-in system: federation, on-premises agents, external claims providers.
  identity_provider_failed: [
    20001, 20012, 20033, 40008, 40009, 40010, 40015, 50006, 50008, 50017, 50107, 50161, 50170, 50180, 5000819,
    80001, 80002, 80005, 80007, 80010, 80013, 80014,
  ],
  application_disabled: [70001, 7000112, 1000031],
  // The registration, its permissions, or the two ids in the settings.
  application_misconfigured: [
    28002, 28003, 50001, 50003, 50007, 50010, 50011, 50029, 50042, 50043, 50049, 50059, 50124, 50128, 50146,
    50147, 50194, 500011, 501241, 501461, 501491, 501621, 51000, 65002, 65005, 650052, 650053, 650054, 650056,
    650057, 70003, 70004, 70005, 70007, 70011, 700011, 700016, 700022, 700023, 700054, 90002, 90009, 90014,
    90019, 90027, 90038, 90043, 90051, 90102, 90124, 90130, 900144, 900382, 900432, 900971, 901002, 1002012,
    7000114, 9001023, 9002325, 9002332,
  ],
  // The secret, the certificate or the federated credential. Only the token endpoint sees it.
  credential_refused: [
    50012, 50013, 50027, 50048, 70002, 70021, 700021, 700024, 700025, 700027, 700030, 700211, 700212, 700213,
    700214, 700229, 900384, 7000215, 7000218, 7000222,
  ],
  // The code is used, expired, of another attempt, or no code at all.
  code_refused: [
    500112, 501481, 54005, 70000, 70008, 700005, 700082, 900561, 90013, 90023, 90056, 90100, 9002313,
  ],
  // Microsoft's own trouble, or too many requests: waiting helps.
  microsoft_unreachable: [
    50000, 50033, 50086, 50087, 50088, 50166, 50196, 70012, 90006, 90012, 90024, 90033, 90036, 90055, 90090,
    90091, 90092, 230109,
  ],
};

const codeByNumber: ReadonlyMap<string, RefusalCode> = new Map(
  refusalCodes().flatMap((code) => AADSTS_NUMBERS[code].map((number) => [String(number), code] as const)),
);

function refusalCodes(): readonly RefusalCode[] {
  const codes: RefusalCode[] = [];
  for (const code in AADSTS_NUMBERS) if (isRefusalCode(code)) codes.push(code);
  return codes;
}

function isRefusalCode(code: string): code is RefusalCode {
  return Object.hasOwn(AADSTS_NUMBERS, code);
}

/** Returns the code that explains an AADSTS number, or `undefined` for a number that isn't in {@link AADSTS_NUMBERS}. */
export function findRefusalCode(number: string): RefusalCode | undefined {
  return codeByNumber.get(number);
}

const pattern = /^(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/;

/**
 * Parses .NET's `[d.]hh:mm[:ss[.fffffff]]`, the form of durations in host.json, into milliseconds.
 * Throws a RangeError for anything else.
 */
export function parseTimeSpanMs(text: string): number {
  const match = pattern.exec(text.trim());
  if (match === null) {
    throw new RangeError(`"${text}" is not a duration. Write it as hh:mm:ss.`);
  }
  const [, days = '0', hours = '0', minutes = '0', seconds = '0', fraction = '0'] = match;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) {
    throw new RangeError(`"${text}" is not a duration: hours end at 23, minutes and seconds at 59.`);
  }
  const wholeSeconds = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
  return wholeSeconds * 1000 + Math.round(Number(`0.${fraction}`) * 1000);
}

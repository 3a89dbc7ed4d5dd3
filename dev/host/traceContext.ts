import { randomBytes } from 'node:crypto';
import type { TraceContext } from './programmingModel.ts';

const traceParentPattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * Creates the W3C trace context of one call: the caller's trace with a new span, or a new sampled trace if the caller
 * sent none or a malformed one.
 */
export function createTraceContext(caller: { traceParent?: string; traceState?: string } = {}): TraceContext {
  const match = traceParentPattern.exec(caller.traceParent ?? '');
  const span = randomBytes(8).toString('hex');
  if (match === null || match[1] === '0'.repeat(32) || match[2] === '0'.repeat(16)) {
    return {
      traceParent: `00-${randomBytes(16).toString('hex')}-${span}-01`,
      traceState: '',
      attributes: {},
    };
  }
  return {
    traceParent: `00-${match[1]}-${span}-${match[3]}`,
    traceState: caller.traceState ?? '',
    attributes: {},
  };
}

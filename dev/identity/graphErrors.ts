/** The shape of Graph's answers and of its errors. */
import { randomUUID } from 'node:crypto';

export interface GraphError {
  readonly code: string;
  readonly message: string;
}

export type GraphAnswer =
  | { readonly status: number; readonly body: object }
  | { readonly status: number; readonly failure: GraphError };

/** Creates a refusal. */
export const graphFailure = (status: number, code: string, message: string): GraphAnswer => ({
  status,
  failure: { code, message },
});

/** Renders the JSON body of a refusal. */
export function renderGraphError(error: GraphError, at: Date): object {
  const requestId = randomUUID();
  return {
    error: {
      ...error,
      innerError: {
        date: at.toISOString().slice(0, 19),
        'request-id': requestId,
        'client-request-id': requestId,
      },
    },
  };
}

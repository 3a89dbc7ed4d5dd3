/** The shapes of LiteLLM's errors. */

/** An answer other than 200, thrown by endpoints. A string body is sent as plain text. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly body: object | string;

  constructor(status: number, body: object | string) {
    super(typeof body === 'string' ? body : JSON.stringify(body));
    this.status = status;
    this.body = body;
  }
}

/** Creates `{detail: {error}}`, an HTTPException that nothing caught. */
export const detailError = (status: number, error: string): ApiError =>
  new ApiError(status, { detail: { error } });

/** Creates `{detail: "Not Found"}`, for an address that the proxy does not have. */
export const noRoute = (status: 404 | 405 = 404): ApiError =>
  new ApiError(status, { detail: status === 404 ? 'Not Found' : 'Method Not Allowed' });

interface ProxyErrorFields {
  readonly type?: string;
  readonly param?: string;
}

/** Renders `{error: {message, type, param, code}}` with the code as a string, the body of a ProxyException. */
export function renderProxyError(
  status: number,
  message: string,
  { type = 'internal_server_error', param = 'None' }: ProxyErrorFields = {},
): object {
  return { error: { message, type, param, code: String(status) } };
}

/** Creates a ProxyException. */
export const proxyError = (status: number, message: string, fields: ProxyErrorFields = {}): ApiError =>
  new ApiError(status, renderProxyError(status, message, fields));

/** Creates a ProxyException around an HTTPException, whose detail is printed as Python prints a dictionary. */
export const wrappedError = (status: number, error: string, type = 'internal_server_error'): ApiError =>
  proxyError(status, printLikePython({ error }), { type });

/** Prints a dictionary of texts as Python does. */
export const printLikePython = (fields: Readonly<Record<string, string>>): string =>
  `{${Object.entries(fields)
    .map(([name, text]) => `'${name}': ${quoteLikePython(text)}`)
    .join(', ')}}`;

/** Creates an exception of the database that nothing caught: plain text, or JSON in newer versions. */
export const crash = (body: 'text' | 'json' = 'text'): ApiError =>
  body === 'text'
    ? new ApiError(500, 'Internal Server Error')
    : new ApiError(500, { error: { message: 'Internal server error', type: 'internal_server_error' } });

/** Returns the words for a team that does not exist. */
export const noTeamText = (teamId: string): string =>
  `Team doesn't exist in db. Team=${teamId}. Create team via \`/team/new\` call.`;

function quoteLikePython(text: string): string {
  return text.includes("'") && !text.includes('"')
    ? `"${text}"`
    : `'${text.replaceAll("'", String.raw`\'`)}'`;
}

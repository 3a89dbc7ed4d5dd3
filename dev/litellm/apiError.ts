/** The shapes in which LiteLLM says no. */

/** An answer that is no success; thrown by endpoints. A string body is sent as plain text. */
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

/** `{detail: {error}}`: an HTTPException that nothing caught. */
export const detailError = (status: number, error: string): ApiError =>
  new ApiError(status, { detail: { error } });

/** `{detail: "Not Found"}`: an address that the proxy does not have. */
export const noRoute = (status: 404 | 405 = 404): ApiError =>
  new ApiError(status, { detail: status === 404 ? 'Not Found' : 'Method Not Allowed' });

/** `{error: {message, type, param, code}}`, the code as a string: a ProxyException. */
export function proxyError(
  status: number,
  message: string,
  {
    type = 'internal_server_error',
    param = 'None',
  }: { readonly type?: string; readonly param?: string } = {},
): ApiError {
  return new ApiError(status, { error: { message, type, param, code: String(status) } });
}

/** The same, around an HTTPException: its detail is printed as Python prints a dictionary. */
export const wrappedError = (status: number, error: string, type = 'internal_server_error'): ApiError =>
  proxyError(status, `{'error': ${quoteLikePython(error)}}`, { type });

/** `Internal Server Error` in plain text: an exception of the database that nothing caught. */
export const crash = (): ApiError => new ApiError(500, 'Internal Server Error');

function quoteLikePython(text: string): string {
  return text.includes("'") && !text.includes('"')
    ? `"${text}"`
    : `'${text.replaceAll("'", String.raw`\'`)}'`;
}

/** Calls an emulator's control interface: JSON in, JSON out (`undefined` for an empty answer). */
export type ControlCall = (method: string, path: string, body?: object) => Promise<unknown>;

/** Gives the calls to the emulator at `url`. They throw where the emulator refuses, with the reason. */
export function createControlCall(url: string): ControlCall {
  return async (method, path, body) => {
    const response = await fetch(`${url}/control/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    if (!response.ok) {
      throw new Error(`${method} /control/${path} was refused (${response.status}): ${answer}`);
    }
    const value: unknown = answer === '' ? undefined : JSON.parse(answer);
    return value;
  };
}

const loopback = ['localhost', '127.0.0.1', '::1', '[::1]'];

/**
 * Returns the two variables by which the clients for Azure, Node and other programs leave a proxy out for this machine's own
 * addresses. Keeps the hosts that the environment names. dev/bootstrap.mjs does the same for Node's own agents, which read the
 * variables when Node starts.
 */
export function loopbackDirect(environment: Readonly<Record<string, string | undefined>>): {
  readonly NO_PROXY: string;
  readonly no_proxy: string;
} {
  const given = [environment['NO_PROXY'], environment['no_proxy']].flatMap((list) => list?.split(',') ?? []);
  const hosts = [...given, ...loopback].map((host) => host.trim()).filter((host) => host !== '');
  const list = [...new Set(hosts)].join(',');
  return { NO_PROXY: list, no_proxy: list };
}

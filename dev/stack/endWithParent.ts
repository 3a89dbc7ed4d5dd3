/**
 * Preloaded into every child of the stack: its standard input is a pipe from the parent, and when that closes the parent
 * is gone, however it died, and the child ends in order instead of living on with a port in its hands.
 */
process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
process.stdin.unref();

/**
 * Preloaded into every child process of the stack. Its standard input is a pipe from the parent. When the pipe closes, the
 * parent has ended, for whatever reason. Then the child ends too, in order, instead of keeping its port.
 */
process.stdin.on('close', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.resume();
process.stdin.unref();

/**
 * Every npm command starts this script first. It needs only Node 20 or newer and no installed packages. It installs the locked
 * packages if they are missing or outdated, then runs the command with the Node version that the packages include.
 *
 *     node dev/bootstrap.mjs dev/stack/start.ts --port 8080     runs a script of this repository
 *     node dev/bootstrap.mjs -- vitest run                      runs a command of node_modules/.bin
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const leastNode = 20;
const commandNode = 24;
const isWindows = process.platform === 'win32';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.installed');

/** Returns the stamp that identifies an install: a hash of the lock file, and the platform of its binaries. */
function readWantedStamp() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex');
  return `${hash} ${process.platform} ${process.arch}\n`;
}

/**
 * Returns whether a developer has run npm directly: npm's own record, written at the end of an install, matches the lock file.
 */
function npmInstalledTheLock() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const installed = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, entry]) =>
        path === '' ||
        installed[path]?.version === entry.version ||
        (installed[path] === undefined && (entry.optional === true || entry.peer === true)),
    );
  } catch {
    return false;
  }
}

/** @returns {boolean} whether the records show that everything in the lock file is installed */
function isInstalled(stamp) {
  if (existsSync(stampFile)) {
    return readFileSync(stampFile, 'utf8') === stamp;
  }
  return npmInstalledTheLock();
}

/**
 * Installs the locked packages. `npm ci` first deletes node_modules with the stamp, so the next start repeats an interrupted
 * install.
 */
async function install() {
  process.stderr.write(
    'Installing the locked packages. This takes about a minute and happens only once ...\n',
  );
  const npm = process.env.npm_execpath;
  const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const code =
    npm !== undefined && /npm-cli\.[cm]?js$/.test(npm)
      ? await run(process.execPath, [npm, ...options], { env: process.env, shell: false })
      : await run('npm', options, { env: process.env, shell: isWindows });
  if (code !== 0) {
    process.stderr.write(
      `Installing the locked packages failed: npm ci ended with ${code}. Nothing was started. The next start tries again.\n`,
    );
  }
  return code;
}

/** Runs a program in this terminal, forwards signals to it, and returns its exit code. */
function run(command, args, { env, shell }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env, shell });
    const forward = {};
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      forward[signal] = () => child.kill(signal);
      process.on(signal, forward[signal]);
    }
    const end = (code) => {
      for (const [signal, handler] of Object.entries(forward)) {
        process.off(signal, handler);
      }
      resolve(code);
    };
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      end(127);
    });
    child.once('exit', (code, signal) => end(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

/**
 * Returns the Node to run commands with: the one in the package `node`. If that package's install script did not run, returns the
 * machine's own Node if it is new enough.
 */
function findCommandNode() {
  const bundled = join(modules, 'node', 'bin', isWindows ? 'node.exe' : 'node');
  if (existsSync(bundled)) {
    return bundled;
  }
  return Number(process.versions.node.split('.')[0]) >= commandNode ? process.execPath : undefined;
}

async function main() {
  if (Number(process.versions.node.split('.')[0]) < leastNode) {
    process.stderr.write(`This command needs Node ${leastNode} or newer. This is Node ${process.version}.\n`);
    return 1;
  }
  const stamp = readWantedStamp();
  if (!isInstalled(stamp)) {
    const code = await install();
    if (code !== 0) {
      return code;
    }
  }
  if (!existsSync(stampFile)) {
    writeFileSync(stampFile, stamp);
  }
  const node = findCommandNode();
  if (node === undefined) {
    process.stderr.write(
      `This command needs Node ${commandNode}. The package "node" contains it, but its install script did not run. Allow it (npm rebuild node), or install Node ${commandNode}.\n`,
    );
    return 1;
  }
  const [first, ...rest] = process.argv.slice(2);
  if (first === undefined || (first === '--' && rest.length === 0)) {
    process.stderr.write(
      'No script or command was given. Run node dev/bootstrap.mjs <script> [arguments], or -- <command> [arguments].\n',
    );
    return 1;
  }
  // Loopback never goes through a proxy. Node's own agents read this when they start (see terminal/loopbackDirect.ts).
  const hosts = [process.env.NO_PROXY, process.env.no_proxy, 'localhost,127.0.0.1,::1,[::1]']
    .flatMap((list) => list?.split(',') ?? [])
    .map((host) => host.trim());
  const direct = [...new Set(hosts)].filter((host) => host !== '').join(',');
  const path = [join(modules, '.bin'), process.env.PATH ?? ''].join(delimiter);
  const env = { ...process.env, PATH: path, NO_PROXY: direct, no_proxy: direct };
  return first === '--'
    ? run(rest[0], rest.slice(1), { env, shell: isWindows })
    : run(node, [first, ...rest], { env, shell: false });
}

process.exitCode = await main();

/**
 * The walls of this house: reads every import of `functions`, `shared`, `dev` and `test` and names each one that the
 * table in `walls/rooms.ts` does not allow. `node dev/walls.ts` prints them and exits 1; `node dev/walls.ts FOLDER` does
 * so for another repository.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix, relative, sep } from 'node:path';
import { adapterFolders, browserAssets, findRoom, grabBagNames, nameOf, rooms } from './walls/rooms.ts';
import type { Room } from './walls/rooms.ts';
import { parseSourceFile } from './walls/sourceFile.ts';
import type { ImportStatement, SourceFile } from './walls/sourceFile.ts';

/** One thing in one file that the walls forbid. */
export interface WallViolation {
  readonly path: string;
  readonly line: number;
  /** What is wrong, as a sentence without its end. */
  readonly reason: string;
}

/** Gives every violation, by file in the order given and then by line. Pure. */
export function findWallViolations(files: readonly SourceFile[]): readonly WallViolation[] {
  return files.flatMap((file) =>
    [...findNameFaults(file), ...findExportFaults(file), ...findImportFaults(file)].sort(
      (a, b) => a.line - b.line,
    ),
  );
}

function findNameFaults({ path }: SourceFile): WallViolation[] {
  const reasons: string[] = [];
  const grabBag = path.split('/').find((segment) => grabBagNames.has(nameOf(segment).toLowerCase()));
  if (grabBag !== undefined) reasons.push(`is called ${grabBag}: a name under which anything fits`);
  const isOurs = path.startsWith('shared/') || path.startsWith('functions/');
  if (isOurs && !path.endsWith('.ts')) reasons.push('is no .ts file, so nothing checks its types');
  if (findRoom(path) === undefined) reasons.push('is in no room of dev/walls/rooms.ts');
  const [, room, folder, ...rest] = path.split('/');
  if (
    room === 'adapters' &&
    folder !== undefined &&
    rest.length > 0 &&
    !Object.hasOwn(adapterFolders, folder)
  ) {
    reasons.push(`is in the folder ${folder}, which no adapter owns in dev/walls/rooms.ts`);
  }
  return reasons.map((reason) => ({ path, line: 1, reason }));
}

function findExportFaults({ path, defaultExportLine, starExportLines }: SourceFile): WallViolation[] {
  const barrels = starExportLines.map((line) => ({ path, line, reason: 'has `export *`: no barrels' }));
  if (defaultExportLine === undefined) return barrels;
  return [...barrels, { path, line: defaultExportLine, reason: 'has a default export: only named ones' }];
}

function findImportFaults(file: SourceFile): WallViolation[] {
  return file.imports.flatMap((statement) => {
    const reason = findImportFault(file.path, statement);
    return reason === undefined ? [] : [{ path: file.path, line: statement.line, reason }];
  });
}

function findImportFault(path: string, statement: ImportStatement): string | undefined {
  const from = findRoom(path);
  // A test may import anything; a file in no room is reported as such.
  if (from === undefined || from === 'test') return undefined;
  const { specifier } = statement;
  if (specifier === undefined) {
    return from === 'dev' ? undefined : 'imports a module whose name is computed, which no wall can check';
  }
  if (!specifier.startsWith('.'))
    return from === 'dev' ? undefined : findPackageFault(from, statement, specifier);
  const target = posix.join(posix.dirname(path), specifier);
  const to = findRoom(target);
  if (from === 'dev') {
    return to === 'test' || to === 'functions'
      ? `is in dev and imports ${target}; dev imports shared and dev`
      : undefined;
  }
  if (to === undefined) return `imports ${target}, which is in no room`;
  if (from === to)
    return from === 'adapters' ? findAdapterFault(path, target) : findSiblingFault(from, target);
  return findRoomFault(from, { to, target, isTypeOnly: statement.isTypeOnly });
}

function findRoomFault(
  from: string,
  { to, target, isTypeOnly }: { readonly to: string; readonly target: string; readonly isTypeOnly: boolean },
): string | undefined {
  if (rooms[to]?.isBundle === true)
    return `imports ${target}; ${to} is a bundle of its own, loaded at run time`;
  const room = rooms[from];
  if (room?.rooms.includes(to) === true) return undefined;
  if (room?.rooms.includes('everything in shared') === true && target.startsWith('shared/')) return undefined;
  if (room?.typesOf?.includes(to) !== true)
    return `is in ${from} and imports ${target}; ${listAllowed(from, room)}`;
  return isTypeOnly
    ? undefined
    : `is in ${from} and imports values of ${target}; only \`import type\` may do that`;
}

function listAllowed(from: string, room: Room | undefined): string {
  const types = (room?.typesOf ?? []).map((name) => `types of ${name}`);
  const allowed = [...(room?.rooms ?? []), ...types].join(', ');
  return `${from} imports ${allowed === '' ? 'nothing' : allowed}`;
}

function findSiblingFault(from: string, target: string): string | undefined {
  return rooms[from]?.isSeparate === true
    ? `imports ${target}; files in ${from} do not know each other`
    : undefined;
}

/** An adapter is a file directly in `shared/adapters`; a folder there holds what its owners share. */
function findAdapterFault(path: string, target: string): string | undefined {
  const from = adapterPlaceOf(path);
  const to = adapterPlaceOf(target);
  if (to.folder === undefined)
    return `imports ${target}; an adapter does not know another, a helper does not know its adapter`;
  if (from.folder === to.folder) return undefined;
  const owners = adapterFolders[to.folder];
  if (owners === 'every adapter') return undefined;
  if (from.folder === undefined && owners?.includes(from.name) === true) return undefined;
  return `imports ${target}, whose owners are ${owners?.join(', ') ?? 'not named'}`;
}

function adapterPlaceOf(path: string): { readonly folder: string | undefined; readonly name: string } {
  const [, , first = '', ...rest] = path.split('/');
  return rest.length === 0
    ? { folder: undefined, name: nameOf(first) }
    : { folder: first, name: nameOf(rest.at(-1) ?? '') };
}

function findPackageFault(
  from: string,
  { isTypeOnly, isNamespace }: ImportStatement,
  specifier: string,
): string | undefined {
  const room = rooms[from];
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `imports ${specifier}: write node:${specifier}`;
    const isAllowed = room?.packages.some((name) => name === specifier || name === 'node:*') === true;
    return isAllowed ? undefined : `is in ${from} and imports ${specifier}`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (room?.packages.includes(name) !== true) {
    if (room?.packageTypes?.includes(name) !== true) return `is in ${from} and imports the package ${name}`;
    return isTypeOnly
      ? undefined
      : `is in ${from} and imports values of ${name}; only \`import type\` may do that`;
  }
  // esbuild cannot take the unused parts out of the object `z`; out of a namespace it can.
  if ((specifier === 'zod' || specifier === 'zod/mini') && !isNamespace && !isTypeOnly) {
    return `imports ${specifier} by name, which puts all of it (350 KB) into the bundle: write \`import * as z\``;
  }
  return undefined;
}

const trees = ['functions', 'shared', 'dev', 'test'];
const sourcePattern = /\.[cm]?[jt]sx?$/;

/** Reads every source file of the four trees under the repository's root, in the order of their paths. */
export function readSourceFiles(root: string): readonly SourceFile[] {
  const paths = trees.flatMap((tree) =>
    readdirSync(join(root, tree), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && sourcePattern.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')),
  );
  return paths
    .filter((path) => !path.startsWith(browserAssets))
    .sort()
    .map((path) => parseSourceFile(path, readFileSync(join(root, path), 'utf8')));
}

/** Gives one line for one violation. */
export function formatViolation({ path, line, reason }: WallViolation): string {
  return `${path}:${line} ${reason}`;
}

if (import.meta.main) {
  const files = readSourceFiles(process.argv[2] ?? join(import.meta.dirname, '..'));
  const violations = findWallViolations(files);
  for (const violation of violations) console.error(formatViolation(violation));
  console.log(`Walls: ${files.length} files, ${violations.length} violations.`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}

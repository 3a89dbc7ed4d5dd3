import { parseSync, Visitor } from 'oxc-parser';
import type { Argument, Program, Span, Statement } from 'oxc-parser';

/** One place where a file names another module: import, re-export, `import()`, `require()`, or a type's `import('…')`. */
export interface ImportStatement {
  /** As written; undefined where it is computed at run time, so that nobody can tell by reading. */
  readonly specifier: string | undefined;
  readonly line: number;
  /**
   * `import type`: gone at run time. `import { type A }` is not, because TypeScript's `verbatimModuleSyntax` leaves an
   * `import {}` of it.
   */
  readonly isTypeOnly: boolean;
  /** `import * as name`. */
  readonly isNamespace: boolean;
}

/** What the walls look at in one file. */
export interface SourceFile {
  /** From the repository's root, with `/`: `shared/domain/rules.ts`. */
  readonly path: string;
  readonly imports: readonly ImportStatement[];
  readonly defaultExportLine?: number;
  /** Where the file has `export * from`. */
  readonly starExportLines: readonly number[];
}

type Found = Omit<ImportStatement, 'line'> & { readonly start: number };

/** Reads a source text. Throws an Error that names the file where it is not JavaScript or TypeScript. */
export function parseSourceFile(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} cannot be read: ${error.message}`);
  const lineAt = (start: number) => text.slice(0, start).split('\n').length;
  const imports = findImports(program)
    .sort((a, b) => a.start - b.start)
    .map(({ start, specifier, isTypeOnly, isNamespace }) => ({
      specifier,
      line: lineAt(start),
      isTypeOnly,
      isNamespace,
    }));
  // Only what the file itself exports: the body of a `declare module` describes somebody else's.
  const defaultExport = program.body.find((statement) => isDefaultExport(statement));
  return {
    path,
    imports,
    ...(defaultExport === undefined ? {} : { defaultExportLine: lineAt(defaultExport.start) }),
    starExportLines: program.body
      .filter((statement) => statement.type === 'ExportAllDeclaration')
      .map((statement) => lineAt(statement.start)),
  };
}

function findImports(program: Program): Found[] {
  const found: Found[] = [];
  const add = (node: Span, specifier: string | undefined, kind: Partial<Found> = {}) => {
    found.push({ start: node.start, specifier, isTypeOnly: false, isNamespace: false, ...kind });
  };
  new Visitor({
    ImportDeclaration(node) {
      const isNamespace = node.specifiers.some(({ type }) => type === 'ImportNamespaceSpecifier');
      add(node, node.source.value, { isTypeOnly: node.importKind === 'type', isNamespace });
    },
    ExportAllDeclaration(node) {
      add(node, node.source.value, { isTypeOnly: node.exportKind === 'type' });
    },
    ExportNamedDeclaration(node) {
      if (node.source !== null) add(node, node.source.value, { isTypeOnly: node.exportKind === 'type' });
    },
    ImportExpression(node) {
      add(node, findText(node.source));
    },
    TSImportType(node) {
      add(node, node.source.value, { isTypeOnly: true });
    },
    TSExternalModuleReference(node) {
      add(node, node.expression.value);
    },
    CallExpression(node) {
      const { callee } = node;
      const isRequire = callee.type === 'Identifier' && callee.name === 'require';
      if (isRequire) add(node, findText(node.arguments[0]));
    },
  }).visit(program);
  return found;
}

/** The text of a literal or of a template without holes. */
function findText(node: Argument | undefined): string | undefined {
  if (node?.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined;
  if (node?.type !== 'TemplateLiteral' || node.expressions.length > 0) return undefined;
  return node.quasis[0]?.value.cooked ?? undefined;
}

function isDefaultExport(statement: Statement | Program['body'][number]): boolean {
  if (statement.type === 'ExportDefaultDeclaration' || statement.type === 'TSExportAssignment') return true;
  if (statement.type !== 'ExportNamedDeclaration') return false;
  return statement.specifiers.some(
    ({ exported }) => ('name' in exported ? exported.name : exported.value) === 'default',
  );
}

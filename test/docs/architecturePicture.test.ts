/**
 * Compares the picture in `docs/architecture.md` with the table of rooms in `oxlint.config.ts`, arrow by arrow. The picture is a
 * simplification: it leaves out `config`, it draws the lowest rooms as one line, and `app` may import every room.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Room, rooms } from '../../oxlint.config.ts';

const root = resolve(import.meta.dirname, '../..');
const document = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
const picture = /```mermaid\n([^`]*)```/.exec(document)?.[1] ?? '';

const subjects =
  /subgraph subjects.*\n([^]*?)\n {2}end/
    .exec(picture)?.[1]
    ?.match(/\w+/g)
    ?.filter((name) => Object.hasOwn(rooms, name)) ?? [];

/** Returns the rooms that one end of an arrow names, such as `a & b["text"]`. */
const namesIn = (end: string): readonly string[] =>
  end.split('&').flatMap((each) => {
    const name = /\w+/.exec(each)?.[0] ?? '';
    return name === 'subjects' ? subjects : [name];
  });

/** Returns the arrows of a line, each as `from arrow to`. A chain `a --> b --> c` has two. */
function arrowsIn(line: string): readonly string[] {
  const parts = line.split(/(-->|-\. types \.->)/);
  return parts.flatMap((arrow, index) =>
    index % 2 === 0
      ? []
      : namesIn(parts[index - 1] ?? '').flatMap((from) =>
          namesIn(parts[index + 1] ?? '').map((to) => `${from} ${arrow} ${to}`),
        ),
  );
}

const arrowsOf = (from: string, { rooms: values, typesOf = [] }: Room): readonly string[] => [
  ...values.map((to) => `${from} --> ${to}`),
  ...typesOf.map((to) => `${from} -. types .-> ${to}`),
];

const arrows = new Set(picture.split('\n').flatMap(arrowsIn));
const drawn = [...arrows].filter((arrow) => !/^(?:functions|app) /.test(arrow));
const allowed = Object.entries(rooms).flatMap(([name, room]) => arrowsOf(name, room));

describe('the picture of the rooms', () => {
  it('draws only what a room may import', () => {
    expect(drawn.filter((arrow) => !allowed.includes(arrow))).toEqual([]);
  });

  it('draws each import of a room above the lowest ones', () => {
    const isAbove = (arrow: string): boolean => !/ (?:config|platform|model)$/.test(arrow);
    expect(drawn.filter(isAbove).sort()).toEqual(allowed.filter(isAbove).sort());
  });
});

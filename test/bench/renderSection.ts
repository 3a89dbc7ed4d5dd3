/** A section of the report as aligned Markdown: readable in a terminal, ready for a document. Pure. */
import { formatNumber } from './formatNumber.ts';
import type { Goal, Section } from './report.ts';
import { isOutOfReach } from './stats.ts';

/** Gives the heading, the table, the goals and the notes, with an empty line at the end. */
export function renderSection(section: Section): string {
  return [
    `### ${section.title}`,
    '',
    `Against: ${section.against}`,
    '',
    ...renderTable(section.columns, section.rows),
    '',
    ...section.goals.map(renderGoal),
    ...section.notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}

function renderGoal(goal: Goal): string {
  const { text, value, limit, reached, bestPossible } = goal;
  const state = reached ? 'reached' : isOutOfReach(goal) ? '**out of reach**' : '**missed**';
  const best = bestPossible === undefined ? '' : `, the best possible here ${formatNumber(bestPossible)}`;
  return `- ${state}: ${text}: ${formatNumber(value)} (goal ${formatNumber(limit)}${best})`;
}

/** The first column is text and stands left; figures stand right. */
function renderTable(columns: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = columns.map((column, index) =>
    Math.max(3, column.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const pad = (cell: string, index: number): string =>
    index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0);
  const renderRow = (cells: readonly string[]): string =>
    `| ${columns.map((_, index) => pad(cells[index] ?? '', index)).join(' | ')} |`;
  const line = widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [renderRow(columns), `| ${line.join(' | ')} |`, ...rows.map(renderRow)];
}

import { z } from 'zod';

/** What one chart of the workbook takes from the product's events. */
export interface WorkbookQuery {
  readonly title: string;
  readonly events: readonly string[];
  /** Members of the event's JSON. */
  readonly members: readonly string[];
}

const workbookSchema = z.object({
  items: z.array(
    z.object({ content: z.object({ title: z.string().optional(), query: z.string().optional() }) }),
  ),
});

/** Reads the charts out of a workbook's JSON. Their queries use more of the language than the alerts', so only names are read. */
export function readWorkbookQueries(serializedData: string): readonly WorkbookQuery[] {
  const { items } = workbookSchema.parse(JSON.parse(serializedData));
  return items.flatMap(({ content: { title, query } }) => {
    if (title === undefined || query === undefined) return [];
    const events = [...query.matchAll(/"([a-z]+\.[a-z]+)"/g)].map((found) => found[1] ?? '');
    const members = [...query.matchAll(/fields\.(\w+)/g)].map((found) => found[1] ?? '');
    return [{ title, events, members }];
  });
}

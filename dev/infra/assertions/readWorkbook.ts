import { AssertionError } from 'node:assert';
import { z } from 'zod';
import type { Json } from '../evaluateExpression.ts';

const json: z.ZodType<Json> = z.json();

const chartSchema = z.object({
  type: z.number(),
  name: z.string(),
  content: z.looseObject({
    title: z.string(),
    query: z.string(),
    visualization: z.string(),
    noDataMessage: z.string(),
  }),
});
const workbookSchema = z.object({
  version: z.string(),
  fallbackResourceIds: z.array(z.string()),
  items: z.tuple([json], chartSchema),
});

/** What the portal makes a workbook of: first the choice of the time range, then the charts. */
export interface Workbook {
  readonly version: string;
  readonly fallbackResourceIds: readonly string[];
  readonly timeRange: Json;
  readonly charts: readonly z.infer<typeof chartSchema>[];
}

/** Reads a workbook's JSON. Throws an AssertionError where it is something else. */
export function readWorkbook(serializedData: string): Workbook {
  const parsed = workbookSchema.safeParse(JSON.parse(serializedData));
  if (!parsed.success) throw new AssertionError({ message: z.prettifyError(parsed.error) });
  const { version, fallbackResourceIds, items } = parsed.data;
  const [timeRange, ...charts] = items;
  return { version, fallbackResourceIds, timeRange, charts };
}

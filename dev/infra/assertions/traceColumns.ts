/** Columns of AppTraces that the exporters fill from a log record. */
export const traceColumns: ReadonlySet<string> = new Set([
  'Message',
  'SeverityLevel',
  'TimeGenerated',
  'OperationId',
  'Properties',
  'AppRoleName',
]);

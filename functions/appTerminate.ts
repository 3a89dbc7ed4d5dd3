import { app } from '@azure/functions';
import { tracing } from '../shared/telemetry/tracing.ts';

/** How long this hook may take. The worker waits for it before it ends, but not for long. */
const FLUSH_TIMEOUT_MS = 3_000;

/** Sends the remaining telemetry before this instance ends. */
app.hook.appTerminate(async () => tracing().flush(FLUSH_TIMEOUT_MS));

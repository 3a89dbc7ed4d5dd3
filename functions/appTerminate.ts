import { app } from '@azure/functions';
import { tracing } from '../shared/telemetry/tracing.ts';

/** The worker waits for this hook when it is told to end, but not for long. */
const FLUSH_TIMEOUT_MS = 3_000;

/** Before this instance ends: sends the telemetry that is not sent yet. */
app.hook.appTerminate(async () => tracing().flush(FLUSH_TIMEOUT_MS));

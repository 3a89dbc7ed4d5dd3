import { coldStart } from './coldStart.ts';
import { memory } from './memory.ts';
import { provisioning } from './provisioning.ts';
import type { Measurement } from './report.ts';
import { requestTable } from './requestTable.ts';
import { signInSlowEntra } from './signInSlowEntra.ts';
import { signInTime } from './signInTime.ts';
import { signInToDone } from './signInToDone.ts';
import { throughput } from './throughput.ts';

/** What `npm run bench` runs, in this order. */
export const measurements: readonly Measurement[] = [
  requestTable,
  signInTime,
  signInSlowEntra,
  signInToDone,
  provisioning,
  throughput,
  coldStart,
  memory,
];

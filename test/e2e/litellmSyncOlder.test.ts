import { describeLitellmSync } from '../support/litellmSyncSuite.ts';

describeLitellmSync('1.80.0');

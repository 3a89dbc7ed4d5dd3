import { describeLitellmSync } from '../support/litellmSyncSuite.ts';

describeLitellmSync('newer');

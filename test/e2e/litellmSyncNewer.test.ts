import { describeLitellmSync } from '../support/litellmSyncSuite.ts';

describeLitellmSync('1.101.6');

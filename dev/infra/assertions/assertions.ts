import { alertAssertions } from './alertAssertions.ts';
import type { Assertion } from './assertion.ts';
import { entraAssertions } from './entraAssertions.ts';
import { networkAssertions } from './networkAssertions.ts';
import { roleAssertions } from './roleAssertions.ts';
import { settingAssertions } from './settingAssertions.ts';
import { siteAssertions } from './siteAssertions.ts';
import { storageAssertions } from './storageAssertions.ts';
import { workbookAssertions } from './workbookAssertions.ts';

/** Everything that must be true of every deployment. */
export const assertions: readonly Assertion[] = [
  ...settingAssertions,
  ...storageAssertions,
  ...roleAssertions,
  ...siteAssertions,
  ...entraAssertions,
  ...alertAssertions,
  ...workbookAssertions,
  ...networkAssertions,
];

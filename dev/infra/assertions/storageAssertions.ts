import { deepEqual, equal } from 'node:assert/strict';
import { TABLES } from '../../../shared/storage/tables/tableNames.ts';
import {
  PROVISION_POISON_QUEUE,
  PROVISION_QUEUE,
  SYNC_POISON_QUEUE,
  SYNC_QUEUE,
} from '../../../shared/queue/queueNames.ts';
import type { Assertion } from './assertion.ts';
import { lastName, onlyResource, propertyOf, resourcesOf, types } from './assertion.ts';

export const storageAssertions: readonly Assertion[] = [
  {
    name: 'the storage account takes no keys',
    check: (deployment) => {
      const account = onlyResource(deployment, types.storageAccount);
      equal(propertyOf(account, 'allowSharedKeyAccess'), false);
      equal(propertyOf(account, 'defaultToOAuthAuthentication'), true);
    },
  },
  {
    name: 'no blob is public',
    check: (deployment) => {
      const account = onlyResource(deployment, types.storageAccount);
      equal(propertyOf(account, 'allowBlobPublicAccess'), false);
      for (const container of resourcesOf(deployment, types.container)) {
        equal(propertyOf(container, 'publicAccess'), 'None');
      }
    },
  },
  {
    name: 'storage is reached by https with TLS 1.2 only',
    check: (deployment) => {
      const account = onlyResource(deployment, types.storageAccount);
      equal(propertyOf(account, 'supportsHttpsTrafficOnly'), true);
      equal(propertyOf(account, 'minimumTlsVersion'), 'TLS1_2');
    },
  },
  {
    name: 'storage hands no data to another tenant',
    check: (deployment) => {
      const account = onlyResource(deployment, types.storageAccount);
      equal(propertyOf(account, 'allowCrossTenantReplication'), false);
    },
  },
  {
    name: 'storage is closed to the public exactly where there is a network',
    check: (deployment, meant) => {
      const account = onlyResource(deployment, types.storageAccount);
      const isPrivate = meant.network !== undefined;
      equal(propertyOf(account, 'publicNetworkAccess'), isPrivate ? 'Disabled' : 'Enabled');
      equal(propertyOf(account, 'networkAcls', 'defaultAction'), isPrivate ? 'Deny' : 'Allow');
      equal(propertyOf(account, 'networkAcls', 'bypass'), 'None');
    },
  },
  {
    name: 'the account holds queues and tables, and as many copies as chosen',
    check: (deployment, meant) => {
      const { body } = onlyResource(deployment, types.storageAccount);
      equal(body['kind'], 'StorageV2');
      deepEqual(body['sku'], { name: meant.storageSku });
      deepEqual(propertyOf(onlyResource(deployment, types.storageAccount), 'accessTier'), 'Hot');
    },
  },
  {
    name: 'the queues are those of the code',
    check: (deployment) => {
      const names = resourcesOf(deployment, types.queue).map((queue) => lastName(queue));
      const ofTheCode = [PROVISION_QUEUE, PROVISION_POISON_QUEUE, SYNC_QUEUE, SYNC_POISON_QUEUE];
      deepEqual(names.sort(), ofTheCode.sort());
    },
  },
  {
    name: 'the tables are those of the code',
    check: (deployment) => {
      const names = resourcesOf(deployment, types.table).map((table) => lastName(table));
      deepEqual(names.sort(), Object.values(TABLES).sort());
    },
  },
  {
    name: 'queues, tables and container are in the account',
    check: (deployment) => {
      const account = onlyResource(deployment, types.storageAccount);
      const services = ['blobServices', 'queueServices', 'tableServices'];
      for (const service of services) {
        const type = `${types.storageAccount}/${service}`;
        equal(onlyResource(deployment, type).id, `${account.id}/${service}/default`);
        for (const inner of deployment.resources.filter((each) => each.type.startsWith(`${type}/`))) {
          equal(inner.id.startsWith(`${account.id}/${service}/default/`), true, inner.id);
        }
      }
    },
  },
  {
    name: 'the app is deployed from a container that the template makes, as the identity',
    check: (deployment) => {
      const account = onlyResource(deployment, types.storageAccount);
      const container = onlyResource(deployment, types.container);
      const site = onlyResource(deployment, types.site);
      deepEqual(propertyOf(site, 'functionAppConfig', 'deployment', 'storage'), {
        type: 'blobContainer',
        value: `https://${account.name}.blob.core.windows.net/${lastName(container)}`,
        authentication: {
          type: 'UserAssignedIdentity',
          userAssignedIdentityResourceId: onlyResource(deployment, types.identity).id,
        },
      });
    },
  },
];

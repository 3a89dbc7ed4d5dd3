import { deepEqual, equal } from 'node:assert/strict';
import { at } from '../resolveDeployment.ts';
import type { Assertion } from './assertion.ts';
import { listOf, onlyResource, propertyOf, resourcesOf, types } from './assertion.ts';

const services = ['blob', 'queue', 'table'] as const;

export const networkAssertions: readonly Assertion[] = [
  {
    name: 'there is a network exactly where one was chosen, and the app is in its subnet',
    check: (deployment, meant) => {
      const parts = deployment.resources.filter((each) => each.type.startsWith('Microsoft.Network/'));
      equal(parts.length > 0, meant.network !== undefined);
      const subnet = propertyOf(onlyResource(deployment, types.site), 'virtualNetworkSubnetId');
      if (meant.network === undefined) {
        equal(subnet, null);
        return;
      }
      const network = onlyResource(deployment, types.network);
      equal(subnet, `${network.id}/subnets/app`);
      deepEqual(propertyOf(network, 'addressSpace', 'addressPrefixes'), [meant.network.all]);
      const [app, endpoints, ...others] = listOf(propertyOf(network, 'subnets'));
      deepEqual([at(app, 'name'), at(endpoints, 'name'), others.length], ['app', 'endpoints', 0]);
      equal(at(app, 'properties', 'addressPrefix'), meant.network.app);
      equal(at(endpoints, 'properties', 'addressPrefix'), meant.network.endpoints);
      deepEqual(at(app, 'properties', 'delegations'), [
        { name: 'flexConsumption', properties: { serviceName: 'Microsoft.App/environments' } },
      ]);
      equal(at(endpoints, 'properties', 'privateEndpointNetworkPolicies'), 'Disabled');
    },
  },
  {
    name: 'in the network the app still reaches Entra and Graph: through a NAT gateway with a fixed address',
    check: (deployment, meant) => {
      if (meant.network === undefined) return;
      const gateway = onlyResource(deployment, types.natGateway);
      const address = onlyResource(deployment, types.publicAddress);
      const subnets = listOf(propertyOf(onlyResource(deployment, types.network), 'subnets'));
      deepEqual(at(subnets[0], 'properties', 'natGateway'), { id: gateway.id });
      deepEqual(propertyOf(gateway, 'publicIpAddresses'), [{ id: address.id }]);
      deepEqual([gateway.body['sku'], address.body['sku']], [{ name: 'Standard' }, { name: 'Standard' }]);
      equal(propertyOf(address, 'publicIPAllocationMethod'), 'Static');
      for (const subnet of subnets) equal(at(subnet, 'properties', 'defaultOutboundAccess'), false);
    },
  },
  {
    name: 'blob, queue and table have a private endpoint each, in the network',
    check: (deployment, meant) => {
      if (meant.network === undefined) return;
      const account = onlyResource(deployment, types.storageAccount);
      const network = onlyResource(deployment, types.network);
      const connected = resourcesOf(deployment, types.privateEndpoint).map((endpoint) => {
        deepEqual(propertyOf(endpoint, 'subnet'), { id: `${network.id}/subnets/endpoints` });
        const connections = listOf(propertyOf(endpoint, 'privateLinkServiceConnections'));
        equal(connections.length, 1);
        equal(at(connections[0], 'properties', 'privateLinkServiceId'), account.id);
        return at(connections[0], 'properties', 'groupIds');
      });
      deepEqual(
        connected,
        services.map((service) => [service]),
      );
    },
  },
  {
    name: 'the names of blob, queue and table lead to their private endpoints inside the network',
    check: (deployment, meant) => {
      if (meant.network === undefined) return;
      const network = onlyResource(deployment, types.network);
      const zones = resourcesOf(deployment, types.dnsZone);
      const names = services.map((service) => `privatelink.${service}.core.windows.net`);
      deepEqual(
        zones.map((zone) => zone.name),
        names,
      );
      const links = resourcesOf(deployment, types.dnsZoneLink);
      deepEqual(
        links.map((link) => link.id),
        zones.map((zone) => `${zone.id}/virtualNetworkLinks/${network.name}`),
      );
      for (const link of links) {
        deepEqual(propertyOf(link, 'virtualNetwork'), { id: network.id });
        equal(propertyOf(link, 'registrationEnabled'), false);
      }
      const endpoints = resourcesOf(deployment, types.privateEndpoint);
      const groups = resourcesOf(deployment, types.dnsZoneGroup);
      deepEqual(
        groups.map((group) => group.id),
        endpoints.map((endpoint) => `${endpoint.id}/privateDnsZoneGroups/default`),
      );
      deepEqual(
        groups.map((group) =>
          propertyOf(group, 'privateDnsZoneConfigs', 0, 'properties', 'privateDnsZoneId'),
        ),
        zones.map((zone) => zone.id),
      );
    },
  },
];

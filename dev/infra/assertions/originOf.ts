import type { MeantDeployment } from '../meantDeployments.ts';
import type { Deployment } from '../resolveDeployment.ts';
import { onlyResource, types } from './assertion.ts';

/** Gives the address at which people must reach the site: the chosen one, else the host name of the app. */
export function originOf(deployment: Deployment, meant: MeantDeployment): string {
  const host = `${onlyResource(deployment, types.site).name.toLowerCase()}.azurewebsites.net`;
  return meant.publicUrl ?? `https://${host}`;
}

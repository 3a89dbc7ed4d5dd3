/** How a key shows that this product made it. */
import type { LitellmKey } from '../../model/litellmPorts.ts';

/** Part of the metadata of every key that this product makes. */
export const KEY_MARK = { made_by: 'litellm-entra-provisioning' } as const;

/** Returns whether this product made the key. */
export function isMadeHere({ metadata }: Pick<LitellmKey, 'metadata'>): boolean {
  return metadata['made_by'] === KEY_MARK.made_by;
}

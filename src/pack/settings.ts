/** Settings: the offline pack. */
import * as z from 'zod';
import { count } from '../setting/fields.ts';

export const PACK_VIA = ['auto', 'shared-fs', 'sbcast', 'flux-archive'] as const;

export const packSettings = {
  pack: z.string().optional().describe('offline pack with the release and its images; no network is used'),
  packVia: z.enum(PACK_VIA).default('auto').describe('how the pack reaches the nodes'),
  packReaders: count(256)
    .default(8)
    .describe('how many nodes read the pack from a shared filesystem at the same time'),
};

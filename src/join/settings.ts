/** Settings: the join record. */
import * as z from 'zod';
import { JOIN_VIA } from './transports.ts';

export const joinSettings = {
  joinVia: z.enum(JOIN_VIA).default('auto').describe('how the join record travels'),
};

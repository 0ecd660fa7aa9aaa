/** Settings: which allocation, and what of it. */
import * as z from 'zod';
import { count } from '../setting/fields.ts';
import { SCHEDULER_NAMES } from './registry.ts';

export const schedulerSettings = {
  allocation: z
    .enum(['auto', ...SCHEDULER_NAMES])
    .default('auto')
    .describe('which scheduler gave the nodes'),
  nodes: count()
    .optional()
    .describe('use only the first N nodes of the allocation; with local, how many to start'),
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/, '1 to 20 lowercase letters, digits and dashes')
    .default('default')
    .describe('tells several clusters of the local allocation, or of one Flux instance, apart'),
};

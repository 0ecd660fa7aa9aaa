/** Settings: how progress is shown. */
import * as z from 'zod';

export const OUTPUTS = ['auto', 'terminal', 'plain', 'json'] as const;

export const eventSettings = {
  output: z.enum(OUTPUTS).default('auto').describe('how progress is shown'),
};

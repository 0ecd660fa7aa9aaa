/** Settings: where the files of a job are, and its network. */
import * as z from 'zod';
import { Flag } from '../setting/fields.ts';

const PROBES = ['auto', 'none'] as const;

export const jobSettings = {
  interface: z.string().optional().describe('interface name, CIDR or address for traffic between nodes'),
  probe: z
    .enum(PROBES)
    .default('auto')
    .describe('whether the nodes first prove that they reach each other on the ports of the cluster'),
  jobDir: z.string().optional().describe('parent of the job directory, best on a shared filesystem'),
  nodeDir: z
    .string()
    .optional()
    .describe('parents of the node-local directory, separated by ":"; the first that will do is taken'),
  nodeDirShared: Flag.default(false).describe('let the node-local directory be on a shared filesystem'),
};

const JobSettings = z.object(jobSettings);
export type JobSettings = z.infer<typeof JobSettings>;

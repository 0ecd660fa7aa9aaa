/** The ports that a node takes on its host. */
import * as z from 'zod';

export const Ports = z.object({
  etcd: z.number(),
  kubelet: z.number(),
  flannel: z.number(),
  apiServer: z.number(),
});
export type Ports = z.infer<typeof Ports>;

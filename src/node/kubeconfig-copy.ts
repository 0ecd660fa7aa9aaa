/** Where a node's own copy of the admin kubeconfig is, if it has one: 0600 in its directory, gone with it. */
import { join } from 'node:path';

export function kubeconfigCopy(nodeDirectory: string): string {
  return join(nodeDirectory, 'kubeconfig');
}

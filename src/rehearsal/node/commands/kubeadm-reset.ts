import type { CommandRun } from '../commands.ts';
import { klogWarning, kubeadmError } from './klog.ts';

const confFiles = ['admin', 'super-admin', 'kubelet', 'bootstrap-kubelet', 'controller-manager', 'scheduler'];

/** `kubeadm reset --force`: what init or join started stops, what they wrote goes. Always repeatable. */
export async function kubeadmReset({ machine, out, failure }: CommandRun): Promise<number> {
  out('[preflight] Running pre-flight checks\n');
  if (failure !== undefined) {
    out(
      kubeadmError(
        'error execution phase cleanup-node: failed to remove containers: context deadline exceeded',
      ),
    );
    return 1;
  }
  out(
    klogWarning(
      'removeetcdmember.go:105',
      '[reset] No kubeadm config, using etcd pod spec to get data directory',
    ),
  );
  machine.kubelet?.[Symbol.dispose]();
  delete machine.kubelet;
  machine.published.serve(machine.ports.apiServer, undefined);
  await machine.controlPlane?.[Symbol.asyncDispose]();
  delete machine.controlPlane;
  for (const file of machine.files.keys())
    if (file.startsWith('/etc/kubernetes/')) machine.files.delete(file);
  out(`[reset] Deleted contents of the etcd data directory: /var/lib/etcd
[reset] Stopping the kubelet service
${klogWarning('cleanupnode.go:86', '[reset] Skipping unmount of directories in "/var/lib/kubelet": lstat /var/lib/kubelet: no such file or directory')}[reset] Deleting contents of directories: [/etc/kubernetes/manifests /etc/kubernetes/pki]
[reset] Deleting files: [${confFiles.map((name) => `/etc/kubernetes/${name}.conf`).join(' ')}]

The reset process does not perform cleanup of CNI plugin configuration,
network filtering rules and kubeconfig files.

For information on how to perform this cleanup manually, please see:
    https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/

`);
  return 0;
}

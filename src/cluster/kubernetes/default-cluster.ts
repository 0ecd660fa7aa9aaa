/** Which cluster is meant when none is named. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UnetError } from '../../errors.ts';
import type { KubernetesConfig } from '../config.ts';
import { defaultKubeconfigs } from './credentials.ts';

/**
 * The kubeconfig that the environment gives (`unet run` and `eval "$(unet env)"` point KUBECONFIG to the allocation's cluster), else
 * ~/.kube/config, else the pod that we are in.
 *
 * @throws UnetError UNET_NO_CLUSTER
 */
export function chooseDefault(env: NodeJS.ProcessEnv, serviceAccount: string): KubernetesConfig {
  if (env.KUBECONFIG) return { auth: 'kubeconfig', kubeconfig: env.KUBECONFIG };
  const [file] = defaultKubeconfigs(env);
  if (file !== undefined && existsSync(file)) return { auth: 'kubeconfig', kubeconfig: file };
  const inPod = env.KUBERNETES_SERVICE_HOST !== undefined;
  if (inPod && (env.KUBERNETES_SERVICE_TOKEN || existsSync(path.join(serviceAccount, 'token')))) {
    return { auth: 'in_cluster' };
  }
  throw new UnetError(
    'UNET_NO_CLUSTER',
    'there is no cluster to connect to: no KUBECONFIG, no ~/.kube/config, and this is no pod',
    {
      remedy:
        'in an allocation: unet up && eval "$(unet env)"; elsewhere --kubeconfig PATH, or a "cluster:" section in unet.yaml',
    },
  );
}

/** The KubeConfig of a context, for the parts of @kubernetes/client-node that are used as they are. */
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesContext } from './connect.ts';

/** Not a field of the context: its type would make @kubernetes/client-node a dependency of all that use it. */
const configs = new WeakMap<KubernetesContext, KubeConfig>();

export function keepKubeConfig(context: KubernetesContext, config: KubeConfig): void {
  configs.set(context, config);
}

export function kubeConfigOf(context: KubernetesContext): KubeConfig {
  const config = configs.get(context);
  if (config === undefined) throw new TypeError('not a context that connectKubernetes() has made');
  return config;
}

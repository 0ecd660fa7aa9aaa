/** The cluster's API as its admin, from the text of a kubeconfig that is in no file yet. */
import { KubeConfig } from '@kubernetes/client-node';

export function loadConfig(kubeconfig: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config;
}

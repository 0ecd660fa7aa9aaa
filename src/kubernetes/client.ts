/** The cluster's API as its admin, from the text of a kubeconfig that is in no file yet. */
import type { Agent } from 'node:https';
import { KubeConfig, type RequestContext } from '@kubernetes/client-node';

export function loadConfig(kubeconfig: string): KubeConfig {
  const config = new PooledConfig();
  config.loadFromString(kubeconfig);
  return config;
}

/**
 * One pool of connections for all requests. The client makes an agent, and so a TLS handshake, for each request: that
 * was half of what the lead's agent computes in a bring-up.
 */
class PooledConfig extends KubeConfig {
  private pool: Agent | undefined;

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    if (this.pool === undefined) {
      const agent = context.getAgent() as Agent & { keepAlive: boolean };
      agent.keepAlive = true;
      this.pool = agent;
    }
    context.setAgent(this.pool);
  }
}

/** The cluster's API as its admin, from the text of a kubeconfig that is in no file yet. */
import type { Agent } from 'node:https';
import { createSecureContext } from 'node:tls';
import {
  type ApiType,
  type Configuration,
  createConfiguration,
  KubeConfig,
  type RequestContext,
  ServerConfiguration,
} from '@kubernetes/client-node';
import { httpsLibrary } from './https-library.ts';

/** What the first connection would do first: Node reads its own root certificates, which takes 20 ms. */
export function prepareTls(): void {
  createSecureContext();
}

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

  override makeApiClient<T extends ApiType>(Api: new (config: Configuration) => T): T {
    const server = this.getCurrentCluster()?.server ?? '';
    return new Api(
      createConfiguration({
        baseServer: new ServerConfiguration(server, {}),
        authMethods: { default: this },
        httpApi: httpsLibrary,
      }),
    );
  }

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

/** A connection to a Kubernetes API. */
import type { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { UnetError } from '../../errors.ts';
import { KubernetesSchema, parseConfig } from '../config.ts';
import type { KubernetesConfig } from '../config-types.ts';
import { createHttpClient, type HttpClient } from '../http.ts';
import { type Credentials, credentialsOf, SERVICE_ACCOUNT } from './credentials.ts';
import { chooseDefault } from './default-cluster.ts';
import { keepKubeConfig } from './kube-config-of.ts';
import { createObjects, type ObjectsClient } from './objects.ts';

export type ConnectOptions = {
  /** Where settings come from; process.env unless given. */
  env?: NodeJS.ProcessEnv;
  /** Is told once what the user should know: TLS that is not verified, and the like. process.emitWarning unless given. */
  warn?: (message: string) => void;
  /** For the first answer, which proves the connection. */
  signal?: AbortSignal;
  /** Milliseconds for the first answer; 30 s unless given. */
  timeoutMs?: number;
  /** The directory of the service account, for tests. */
  serviceAccount?: string;
};

/** An open connection. `await using` closes it, or `await context.close()`. */
export type KubernetesContext = AsyncDisposable & {
  readonly kind: 'kubernetes';
  /** The address of the API server. */
  readonly server: string;
  /** The namespace of the kubeconfig's context, of the pod, or "default". */
  readonly namespace: string;
  /** Any object of any kind that the cluster knows. */
  readonly objects: ObjectsClient;
  readonly http: HttpClient;
  close(): Promise<void>;
};

/**
 * Connects to the allocation's cluster where there is one, else by the kubeconfig, else as the pod that we are in; with a
 * configuration as that says.
 *
 * @throws UnetError UNET_CONFIG_INVALID for a configuration that cannot be meant
 * @throws ClusterError when the server cannot be reached, is not the one it should be, or does not take the credentials
 */
export async function connectKubernetes(
  config?: KubernetesConfig,
  options: ConnectOptions = {},
): Promise<KubernetesContext> {
  const context = openKubernetes(config, options);
  try {
    await context.http.send({
      method: 'GET',
      path: '/version',
      what: 'connect',
      signal: options.signal,
      ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    });
  } catch (error) {
    await context.close();
    throw error;
  }
  return context;
}

/** The same without a first request. */
export function openKubernetes(config?: KubernetesConfig, options: ConnectOptions = {}): KubernetesContext {
  const { env = process.env, serviceAccount = SERVICE_ACCOUNT } = options;
  const given = config === undefined ? chooseDefault(env, serviceAccount) : config;
  const parsed = parseConfig(KubernetesSchema, given, 'the cluster’s configuration');
  const credentials = credentialsOf(parsed, { env, serviceAccount });
  const warn = options.warn ?? ((message: string) => process.emitWarning(message, 'UnetWarning'));
  for (const warning of credentials.warnings) warn(warning);
  return contextOf(credentials);
}

function contextOf(credentials: Credentials): KubernetesContext {
  const kubeConfig = new PooledConfig(credentials);
  const server = kubeConfig.getCurrentCluster()?.server;
  if (server === undefined) throw new UnetError('UNET_CONFIG_INVALID', 'no cluster is configured');
  const http = createHttpClient({
    server,
    authorize: () => kubeConfig.authorize(),
  });
  const close = async () => kubeConfig.close();
  const context: KubernetesContext = {
    kind: 'kubernetes',
    server,
    namespace: credentials.namespace ?? 'default',
    objects: createObjects(http),
    http,
    close,
    [Symbol.asyncDispose]: close,
  };
  keepKubeConfig(context, kubeConfig);
  return context;
}

/** One pool of connections for as long as the credentials are the same. */
class PooledConfig extends KubeConfig {
  readonly #credentials: Credentials;
  #agent: Agent | undefined;
  #identity = '';

  constructor(credentials: Credentials) {
    super();
    this.#credentials = credentials;
    const { config } = credentials;
    this.loadFromOptions({
      clusters: config.getClusters(),
      users: config.getUsers(),
      contexts: config.getContexts(),
      currentContext: config.getCurrentContext(),
    });
    // What is in it are keys: console.log() of a context shows none.
    for (const field of ['users', 'clusters', 'contexts', 'authenticators', 'custom_authenticators']) {
      if (field in this) Object.defineProperty(this, field, { enumerable: false });
    }
  }

  override async applyToHTTPSOptions(options: RequestOptions): Promise<void> {
    // Verified unless told otherwise, whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    options.rejectUnauthorized = this.getCurrentCluster()?.skipTLSVerify !== true;
    await super.applyToHTTPSOptions(options);
    const { token } = this.#credentials;
    if (token !== undefined)
      options.headers = { ...options.headers, Authorization: `Bearer ${token.read()}` };
  }

  /** The pool of connections, made again when a plugin has given another certificate, and the headers of this moment. */
  async authorize(): Promise<{ agent: Agent; headers: Record<string, string> }> {
    const options: RequestOptions = {};
    await this.applyToHTTPSOptions(options);
    const identity = `${options.cert}\n${options.key}\n${options.ca}`;
    if (this.#agent === undefined || identity !== this.#identity) {
      const agent = options.agent as Agent & { keepAlive: boolean };
      agent.keepAlive = true;
      this.#agent = agent;
      this.#identity = identity;
    }
    const headers = Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]);
    const basic = options.auth
      ? [['Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`]]
      : [];
    return { agent: this.#agent, headers: Object.fromEntries([...headers, ...basic]) };
  }

  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }
}

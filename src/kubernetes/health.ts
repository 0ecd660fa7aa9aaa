/** Whether the API server answers. */
import { HttpMethod, type KubeConfig, RequestContext } from '@kubernetes/client-node';
import { get } from './https-library.ts';

/**
 * Asks `/readyz`, which fails where etcd does.
 *
 * @throws what is wrong; the reason of `signal`.
 */
export async function apiAnswers(config: KubeConfig, signal: AbortSignal): Promise<void> {
  const request = new RequestContext(`${config.getCurrentCluster()?.server ?? ''}/readyz`, HttpMethod.GET);
  request.setSignal(signal);
  await config.applySecurityAuthentication(request);
  try {
    await get(request);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Reading and rewriting the kubeconfig that `make kubeconfig` writes. */
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import { type ApiServer, serverUrl } from './server-url.ts';

const Kubeconfig = z.looseObject({
  clusters: z
    .array(z.looseObject({ name: z.string(), cluster: z.looseObject({ server: z.string() }) }))
    .min(1),
});

/**
 * `text` with the API server at `server` instead of upstream's 127.0.0.1: the certificate covers HOST_IP too
 * (kubeadm-config.yaml, certSANs).
 *
 * @throws UnetError UNET_STEP_FAILED when it is not a kubeconfig. Its text is in no error: it holds the admin's key.
 */
export function withServer(text: string, server: ApiServer): string {
  let value: unknown;
  try {
    value = parse(text.replaceAll('\r', ''));
  } catch {
    value = undefined;
  }
  const config = Kubeconfig.safeParse(value);
  if (!config.success) {
    throw new UnetError('UNET_STEP_FAILED', 'make kubeconfig wrote no kubeconfig', {
      remedy: 'look into the log of the step "init": is the control plane really up?',
    });
  }
  for (const { cluster } of config.data.clusters) {
    cluster.server = serverUrl(server);
  }
  return stringify(config.data);
}

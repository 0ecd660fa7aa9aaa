/** Bootstrap tokens live as long as the bring-up, not kubeadm's 24 hours, and go when all have joined. */
import { CoreV1Api, type KubeConfig, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';

const NAMESPACE = 'kube-system';
const TYPE = 'bootstrap.kubernetes.io/token';

/**
 * Makes `tokenId` expire at `expiresAt` (ISO 8601), and deletes every other bootstrap token: kubeadm init makes one
 * of its own that nobody uses.
 */
export async function limitToken(config: KubeConfig, tokenId: string, expiresAt: string): Promise<void> {
  const api = config.makeApiClient(CoreV1Api);
  await api.patchNamespacedSecret(
    {
      name: secretName(tokenId),
      namespace: NAMESPACE,
      body: { data: { expiration: base64(rfc3339(expiresAt)) } },
    },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  );
  await deleteTokens(config, (name) => name !== secretName(tokenId));
}

/** Deletes every bootstrap token. */
export async function revokeTokens(config: KubeConfig): Promise<void> {
  await deleteTokens(config, () => true);
}

async function deleteTokens(config: KubeConfig, chosen: (secretName: string) => boolean): Promise<void> {
  const api = config.makeApiClient(CoreV1Api);
  const { items } = await api.listNamespacedSecret({ namespace: NAMESPACE, fieldSelector: `type=${TYPE}` });
  const names = items
    .filter(({ type }) => type === TYPE)
    .map(({ metadata }) => metadata?.name ?? '')
    .filter(chosen);
  await Promise.all(
    names.map((name) => api.deleteNamespacedSecret({ name, namespace: NAMESPACE }).catch(unlessGone)),
  );
}

/** The token cleaner of the control plane removes expired ones itself. */
function unlessGone(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 404)) {
    throw error;
  }
}

function secretName(tokenId: string): string {
  return `bootstrap-token-${tokenId}`;
}

// kubeadm parses RFC 3339 without fractions of a second.
function rfc3339(iso: string): string {
  return `${iso.slice(0, 19)}Z`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

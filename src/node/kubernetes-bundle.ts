/** The API client, in a bundle of its own (dist/kubernetes.js) that only the lead's agent reads. */

export function loadKubernetes(): Promise<typeof import('../kubernetes/index.ts')> {
  return import('../kubernetes/index.ts');
}

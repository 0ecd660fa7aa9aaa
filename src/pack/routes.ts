/** Ways of a pack to a node: read from a shared filesystem, or broadcast by the scheduler. */
export const PACK_ROUTES = ['shared-fs', 'sbcast', 'flux-archive'] as const;
export type PackRoute = (typeof PACK_ROUTES)[number];

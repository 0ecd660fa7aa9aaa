/** Ways of a pack to a node: read from a shared filesystem, or broadcast by the scheduler. */
export const PACK_ROUTES = ['shared-fs', 'sbcast', 'flux-archive'] as const;
export type PackRoute = (typeof PACK_ROUTES)[number];

/**
 * What a broadcast writes into this user's node-local directory of the job, above the nodes' own: it has one name on all
 * nodes. No node can have that name.
 */
export const INCOMING = '.pack.incoming';

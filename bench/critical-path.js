/** The time that the steps themselves take, however well they are arranged. */

/**
 * Milliseconds of each step: what was recorded with podman on an idle two-core machine (up 2.6 s, boot 4.5, init 13,
 * install-flannel 0.9, kubeconfig and join-command 0.35, join 1.1, Ready 3.5 after the join), times 0.25.
 */
export const RECORDED = {
  up: 650,
  boot: 1125,
  init: 3250,
  cni: 225,
  kubeconfig: 90,
  'join-command': 90,
  join: 275,
  ready: 875,
};

/** Nothing takes time but what the processes need. Boot is named, since it is 0.3 s where it is not. */
export const NOTHING = { ...mapValues(RECORDED, () => 0) };

/** UNET_REHEARSAL that makes every step take its time, on every node. */
export function rehearsalOf(delays) {
  return Object.entries(delays)
    .map(([step, ms]) => `${step}:delay=${ms}ms`)
    .join(',');
}

/**
 * The longest chain of steps of a cluster with workers, each of which needs what is before it:
 *
 *     lead    up ─ boot ─ init ─┬─ cni ──────────┬─ ready
 *                               ├─ kubeconfig    │
 *                               └─ join-command ─│─┐
 *     worker  up ─ boot ─────────────────────────┴─┴─ join ─ ready
 */
export function criticalPath(delays) {
  const booted = delays.up + delays.boot;
  const initialized = booted + delays.init;
  const network = initialized + delays.cni;
  const joined = initialized + delays['join-command'] + delays.join;
  const leadReady = Math.max(initialized, network) + delays.ready;
  const workerReady = Math.max(joined, network) + delays.ready;
  return Math.max(leadReady, workerReady, initialized + delays.kubeconfig);
}

function mapValues(object, transform) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, transform(value)]));
}

/** The time that the steps themselves take, however well they are arranged. */

/**
 * Milliseconds of each step: what was recorded with podman on an idle two-core machine, from the start of make to its end; `boot`
 * from the end of up, `ready` from the end of the join. kubeadm-init ends with a sync-external-ip of its own, which is in it.
 */
export const RECORDED = {
  up: 2600,
  boot: 4500,
  init: 13_000,
  cni: 900,
  kubeconfig: 350,
  'join-command': 350,
  join: 1100,
  ready: 3500,
  /** make sync-external-ip, for each node: four or five calls of kubectl, one node after the other. */
  syncEach: 500,
};

/** Nothing takes time but what the processes need. Boot is named, since it is 0.3 s where it is not. */
export const NOTHING = scaled(0);

export function scaled(factor) {
  return mapValues(RECORDED, (ms) => Math.round(ms * factor));
}

/**
 * UNET_REHEARSAL that makes every step take its time, on every node: in all, as it was recorded, its own work included. What a
 * node does by itself (boot, ready) begins when the step before it is over. kubeadm-init ends with a sync-external-ip of its own.
 */
export function rehearsalOf({ init, syncEach, ...delays }) {
  const key = (step) => (BY_ITSELF.has(step) ? 'delay' : 'take');
  return [
    ...Object.entries(delays).map(([step, ms]) => `${step}:${key(step)}=${ms}ms`),
    `init:take=${init - syncEach}ms`,
    `sync:each=${syncEach}ms`,
  ].join(',');
}

const BY_ITSELF = new Set(['boot', 'ready']);

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

/** What a setting may be, and the deadlines: for every process, also those that never read settings. */

export const JOIN_VIA = ['auto', 'shared-fs', 'flux-archive', 'stdio'] as const;
export const STAGES = ['auto', 'copy', 'archive', 'none'] as const;
export const PACK_VIA = ['auto', 'shared-fs', 'sbcast', 'flux-archive'] as const;
export const ENGINES = ['auto', 'docker', 'podman', 'nerdctl'] as const;
export const STORAGES = ['auto', 'site', 'job'] as const;
export const PROXIES = ['auto', 'none'] as const;
export const PROVISION = ['cache', 'clone', 'dir'] as const;
export const OUTPUTS = ['auto', 'terminal', 'plain', 'json'] as const;

/** Deadlines of single waits, in milliseconds, if nothing else is asked for. What is seen in the field times ten: see docs/configuration.md. */
export const STEP_TIMEOUTS_MS = {
  hello: 60_000,
  stage: 120_000,
  load: 900_000,
  up: 600_000,
  boot: 120_000,
  images: 600_000,
  init: 360_000,
  kubeconfig: 60_000,
  cni: 180_000,
  publish: 60_000,
  'await-join': 900_000,
  join: 360_000,
  ready: 300_000,
  dns: 180_000,
  down: 60_000,
};
export type TimedStep = keyof typeof STEP_TIMEOUTS_MS;

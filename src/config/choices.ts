/** What a setting may be, and the deadlines: for every process, also those that never read settings. */

export const JOIN_VIA = ['auto', 'shared-fs', 'flux-archive', 'stdio'] as const;
export const STAGES = ['auto', 'copy', 'archive', 'none'] as const;
export const PACK_VIA = ['auto', 'shared-fs', 'sbcast', 'flux-archive'] as const;
export const ENGINES = ['auto', 'docker', 'podman', 'nerdctl'] as const;
export const STORAGES = ['auto', 'site', 'job'] as const;
export const PROXIES = ['auto', 'none'] as const;
export const PROVISION = ['cache', 'clone', 'dir'] as const;
export const OUTPUTS = ['auto', 'terminal', 'plain', 'json'] as const;

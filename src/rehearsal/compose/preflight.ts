import { existsSync } from 'node:fs';
import { sufferFault } from '../faults/apply.ts';
import { faultOf, parseFaults } from '../faults/grammar.ts';
import { prepareTries } from '../faults/tries.ts';
import type { Project } from '../state/project.ts';

/** What the real check-preflight.sh says, by mode. */
const messages: Record<string, string> = {
  cgroup: 'Needs cgroup v2, see https://rootlesscontaine.rs/getting-started/common/cgroup2/',
  'user-session':
    'systemd not running? file not found: /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers',
  engine: 'No container engine was detected',
};

/** `preflight` (only called by check-preflight.sh): the rehearsed failures of that step. */
export async function preflight(project: Project, signal: AbortSignal): Promise<number> {
  const faults = parseFaults(process.env.UNET_REHEARSAL ?? '');
  const node = process.env.NODE_NAME ?? '';
  if (existsSync(project.directory)) prepareTries(project.rehearsalDirectory, node);
  const mode = await sufferFault(faultOf(faults, 'preflight', node), { ...project, node, signal });
  if (mode === undefined) return 0;
  process.stderr.write(`\x1b[101m\x1b[97m[ERROR]\x1b[49m\x1b[39m ${messages[mode]}\n`);
  return 1;
}

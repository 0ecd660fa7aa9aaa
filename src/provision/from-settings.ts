/** What the settings say of how to come by a release. */

import { chooseNodeDirectory, nodeParents } from '../job/node-directory.ts';
import type { JobSettings } from '../job/settings.ts';
import type { ProvisionOptions } from './provision.ts';
import type { ProvisionSettings } from './settings.ts';
import { createWorkspace } from './workspace.ts';

export function provisionSettings(
  settings: Pick<ProvisionSettings, 'provision' | 'cache' | 'cacheFrom' | 'mirror'> &
    Pick<JobSettings, 'nodeDir' | 'nodeDirShared'>,
  onNote: (message: string) => void,
): Pick<ProvisionOptions, 'strategy' | 'cache' | 'cacheFrom' | 'mirrors' | 'workspace' | 'onNote'> {
  const { provision, cache, cacheFrom, mirror, nodeDir, nodeDirShared } = settings;
  return {
    strategy: provision,
    cache,
    cacheFrom,
    mirrors: mirror,
    workspace: createWorkspace(() => chooseNodeDirectory(nodeParents(nodeDir), { shared: nodeDirShared })),
    onNote,
  };
}

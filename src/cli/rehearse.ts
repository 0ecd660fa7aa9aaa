/** `unet rehearse`: `unet up` with the rehearsal release; on this machine alone where there is no scheduler. */
import { settingOptions } from '../config/options.ts';
import { chosenScheduler } from '../scheduler/detect.ts';
import { OUTSIDE } from '../scheduler/registry.ts';
import type { CommandModule } from './frame/command.ts';
import { runUp } from './up.ts';

const LOCAL_NODES = 3;

export const rehearse: CommandModule = {
  command: 'rehearse',
  describe: 'up with the rehearsal release: no container engine, no network',
  group: 'cluster',
  example: [
    ['unet rehearse --nodes 3', 'three nodes on this machine, or in this allocation'],
    ['UNET_REHEARSAL=join:fail=2 unet rehearse', 'see what happens when each join fails twice'],
  ],
  settings: settingOptions()
    .map(({ key }) => key)
    .filter((key) => key !== 'release'),
  json: true,
  async handler(context) {
    const { env } = context;
    const { allocation, nodes } = context.settings;
    const scheduler = chosenScheduler({ kind: allocation, env }) ?? OUTSIDE;
    const settings = {
      ...context.settings,
      release: 'rehearsal',
      ...(scheduler === OUTSIDE
        ? { allocation: OUTSIDE as typeof allocation, nodes: nodes ?? LOCAL_NODES }
        : {}),
    };
    return await runUp({ ...context, settings });
  },
};

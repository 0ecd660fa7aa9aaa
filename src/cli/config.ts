/** `unet config`: each setting and where it came from. */
import { settingLeaves, settingText } from '../config/options.ts';
import { tableLines } from '../events/table.ts';
import type { CommandModule } from './frame/command.ts';

export const config: CommandModule = {
  command: 'config',
  describe: 'each setting and where it came from',
  group: 'site',
  example: [
    ['unet config', 'what unet up would use here'],
    ['UNET_NODES=4 unet config --json | jq .settings.nodes', 'for a script'],
  ],
  settings: 'all',
  json: true,
  async handler({ origins, configFiles, json, out, say }) {
    const rows = settingLeaves().map((leaf) => {
      const origin = origins[leaf.path];
      const text = origin?.value === undefined ? '' : settingText(leaf.kind, origin.value);
      const value = text === '' ? '-' : text;
      return { leaf, origin, value };
    });
    if (json) {
      const settings = rows.map(({ leaf, origin, value }) => [
        leaf.file,
        {
          value: origin?.value ?? null,
          ...(leaf.kind === 'duration' ? { text: value } : {}),
          source: origin?.source,
          where: origin?.where,
        },
      ]);
      out(JSON.stringify({ settings: Object.fromEntries(settings), files: configFiles }));
      return 0;
    }
    const columns = ['setting', 'value', 'from'].map((title) => ({ title }));
    const cells = rows.map(({ leaf, origin, value }) => [leaf.file, value, origin?.where ?? '']);
    tableLines(columns, cells).forEach((line) => void out(line));
    say(configFiles.length === 0 ? 'no configuration file was found' : `read: ${configFiles.join(', ')}`);
    return 0;
  },
};

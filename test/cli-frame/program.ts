/** `unet` with the commands of the tests, as a real program: bundled by the process tests of this folder. */
import { setImmediate } from 'node:timers/promises';
import { createCli } from '../../src/cli/frame/cli.ts';
import type { CommandModule } from '../../src/cli/frame/command.ts';
import { COMMANDS } from './run-cli.ts';

/** Says lines until nobody reads them. */
const lines: CommandModule = {
  command: 'lines',
  describe: 'lines without end',
  group: 'use',
  example: [['unet lines | head -1', 'one']],
  settings: [],
  async handler({ out, say, outputClosed }) {
    while (!outputClosed.aborted) {
      out('line');
      await setImmediate();
    }
    say('the reader has gone');
    return 0;
  },
};

process.exitCode = await createCli(process.argv.slice(2), [...COMMANDS, lines], {
  version: '1.2.3',
  stdout: process.stdout,
  stderr: process.stderr,
}).run();

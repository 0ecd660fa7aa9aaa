import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const UNET = fileURLToPath(new URL('../../bin/unet.js', import.meta.url));

// bin/unet.js says by the command's name which bundle has it.
test.each([
  'run',
  'up',
  'down',
  'rehearse',
  'status',
  'env',
  'attr',
  'kubectl',
  'cluster',
  'pack',
  'releases',
  'cache',
  'config',
  'completion',
  'hooks',
  'node',
])('unet %s is in the bundle that is loaded for it', (command) => {
  // kubectl answers --help by itself.
  const words = command === 'kubectl' ? ['help', command] : [command, '--help'];
  expect(execFileSync(process.execPath, [UNET, ...words], { encoding: 'utf8' })).toContain(`unet ${command}`);
});

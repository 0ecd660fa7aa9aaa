import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { settingLeaves, settingOptions, settingText } from '../../src/config/options.ts';

/** The rows of the tables in docs/configuration.md, as the schema has them. */
function settingRows(): string[] {
  return settingOptions()
    .filter(({ kind }) => kind !== 'keyed')
    .map(({ flag, variable, defaultText, description, choices }) => {
      const listed = choices === undefined ? '' : ` (${choices.join(', ')})`;
      return `| \`--${flag}\` | \`${variable}\` | ${defaultText ?? ''} | ${description}${listed} |`;
    });
}

function stepRows(): string[] {
  return settingLeaves()
    .filter(({ step }) => step !== undefined)
    .map(({ step, kind, defaultValue }) => `| \`${step}\` | ${settingText(kind, defaultValue)} |`);
}

it('docs/configuration.md lists every setting and every step, with its default', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `--') || /^\| `[a-z-]+` \|/.test(line));
  expect(rows).toEqual([...settingRows(), ...stepRows()]);
});

/** What a configuration file says; read only where there is one, for the sake of its parser. */
import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { ConfigText } from './files.ts';
import type { SettingLeaf } from './options.ts';
import type { SourceResult } from './sources.ts';
import { didYouMean } from './suggest.ts';

/** The section of a configuration file that says how `unet cluster` connects. */
export const CLUSTER_SECTION = 'cluster';

export function fromFile(
  file: ConfigText,
  source: 'file' | 'user file',
  leaves: readonly SettingLeaf[],
  base: string,
): SourceResult {
  const result: SourceResult = { candidates: [], problems: [], warnings: [] };
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined) => `${file.path}:${lines.linePos(offset ?? 0).line}`;
  if (document.errors.length > 0) {
    for (const error of document.errors) {
      result.problems.push({ message: `${at(error.pos[0])}: ${firstLine(error.message)}` });
    }
    return result;
  }
  const resolved = (node: unknown) => (isAlias(node) ? node.resolve(document) : node);
  const visit = (node: unknown, prefix: string) => {
    if (!isMap(node)) {
      return;
    }
    for (const { key, value: given } of node.items) {
      const value = resolved(given);
      const where = at((key as Node | null)?.range?.[0]);
      const name = `${prefix}${isScalar(key) ? String(key.value) : '?'}`;
      // Not settings of unet's own clusters: src/cli/cluster-connect.ts reads and checks this section.
      if (name === CLUSTER_SECTION) {
        continue;
      }
      const leaf = leaves.find((one) => one.file === name);
      if (leaf !== undefined) {
        const raw = isScalar(value) ? scalar(value, leaf) : (value as Node | null)?.toJSON();
        result.candidates.push({ leaf, raw, source, where, base });
      } else if (leaves.some((one) => one.file.startsWith(`${name}.`))) {
        const empty = isScalar(value) && value.value === null;
        if (!isMap(value) && !empty) {
          const message = `${where}: ${name} needs one line for each step, such as "  up: 5m"`;
          result.problems.push({ message, path: 'stepTimeouts' });
        }
        visit(value, `${name}.`);
      } else {
        const names = leaves.map((one) => one.file);
        const groups = names.filter((one) => one.includes('.')).map((one) => one.slice(0, one.indexOf('.')));
        const hint = didYouMean(name, [...names, ...new Set(groups)]);
        result.problems.push({ message: `${where}: unknown key "${name}"${hint}` });
      }
    }
  };
  const top = document.contents;
  if (isMap(top)) {
    visit(top, '');
  } else if (top !== null && !(isScalar(top) && top.value === null)) {
    result.problems.push({ message: `${at(top.range?.[0])}: expected lines such as "nodes: 4"` });
  }
  return result;
}

/** A text that looks like a number stays what was written: `name: 007`. */
function scalar(node: { value: unknown; source?: string }, leaf: SettingLeaf): unknown {
  const text = leaf.kind === 'text' || leaf.kind === 'path' || leaf.kind === 'choice';
  return text && node.value !== null && typeof node.value !== 'string'
    ? (node.source ?? node.value)
    : node.value;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** YAML and JSON files with objects of Kubernetes in them: one or many documents, lists taken apart. */
import { LineCounter, parseAllDocuments, type Tags } from 'yaml';
import { errorMessage, UnetError } from '../errors.ts';
import { isJsonObject, type JsonObject } from './object.ts';

// kubectl reads YAML 1.1, where `defaultMode: 0644` is octal and `yes` is true, but no times and dates.
const AS_KUBECTL = {
  version: '1.1',
  customTags: (tags: Tags): Tags =>
    tags.filter(
      (tag) =>
        typeof tag === 'string' || (tag.format !== 'TIME' && tag.tag !== 'tag:yaml.org,2002:timestamp'),
    ),
} as const;
// A bomb of aliases is no manifest; those of people have a handful.
const MAX_ALIASES = 100;

/**
 * The maps in `text`, without empty documents, and with the items of lists in place of the lists.
 *
 * @param where the file's name, for errors
 * @throws UnetError UNET_TEMPLATE_INVALID with file and line
 */
export function readDocuments(text: string, where: string): JsonObject[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...AS_KUBECTL, lineCounter: lines });
  const found: JsonObject[] = [];
  for (const document of 'empty' in documents ? [] : documents) {
    const [error] = document.errors;
    if (error !== undefined) {
      const { line } = lines.linePos(error.pos[0]);
      throw new UnetError('UNET_TEMPLATE_INVALID', `${where}:${line}: ${firstLine(error.message)}`);
    }
    found.push(...itemsOf(toValue(document, where), where));
  }
  return found;
}

function toValue(
  document: { toJS: (options: { maxAliasCount: number }) => unknown },
  where: string,
): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const why = errorMessage(error);
    throw new UnetError('UNET_TEMPLATE_INVALID', `${where}: ${why}`);
  }
}

function itemsOf(value: unknown, where: string): JsonObject[] {
  if (value === null || value === undefined) {
    return [];
  }
  if (!isJsonObject(value)) {
    throw new UnetError('UNET_TEMPLATE_INVALID', `${where}: is not a map with apiVersion and kind`);
  }
  const { kind, items } = value;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item) => itemsOf(item, where));
  }
  return [value];
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:$/, '');
}

/** The text of a jobspec: what is in it, and where each thing stands. */
import { type Document, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { errorMessage, UnetError } from '../../errors.ts';
import { isJsonObject } from '../object.ts';

export type JobspecSource = {
  value: unknown;
  /** `job.yaml:12`, the line of what stands at `path`, or of the nearest thing around it. */
  place: (path: readonly PropertyKey[]) => string;
  /** A number or boolean as it was written. */
  written: (path: readonly PropertyKey[]) => string | undefined;
};

const MAX_ALIASES = 100;

/**
 * Reads YAML or JSON. What is wrapped as `{"jobspec": …}` is unwrapped.
 *
 * @throws UnetError UNET_JOBSPEC_INVALID where it is neither
 */
export function readSource(text: string, where: string): JobspecSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    throw invalid(`${where}:${line}: ${(error.message.split('\n')[0] ?? '').replace(/ at line.*$/, '')}`);
  }
  const whole = documentValue(document, where);
  const wrapped = isJsonObject(whole) && whole.tasks === undefined && isJsonObject(whole.jobspec);
  const prefix = wrapped ? ['jobspec'] : [];
  return {
    value: wrapped ? whole.jobspec : whole,
    place: (path) => `${where}${lineOf(document, lines, [...prefix, ...path])}`,
    written: (path) => {
      const node = document.getIn([...prefix, ...path], true);
      return isScalar(node) ? node.source : undefined;
    },
  };
}

function documentValue(document: Document, where: string): unknown {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw invalid(`${where}: ${errorMessage(error)}`);
  }
  if (!isJsonObject(value)) {
    throw invalid(`${where}: is not a jobspec: a map with tasks and attributes`);
  }
  return value;
}

function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): string {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) {
      return `:${lines.linePos(node.range[0]).line}`;
    }
  }
  return '';
}

function invalid(message: string): UnetError {
  return new UnetError('UNET_JOBSPEC_INVALID', message);
}

/** Images on their way out of a container engine. */
import { pipe } from '../process/pipe.ts';
import { run } from '../process/run.ts';
import type { Engine } from './engine.ts';
import type { ImageOptions } from './images.ts';

type Command = Pick<Engine, 'command'>;

/** Bytes of an image as the engine counts them, and its archive has about as many; undefined: it does not say. */
export async function imageSize(
  engine: Command,
  name: string,
  { env, timeoutMs, signal }: ImageOptions,
): Promise<number | undefined> {
  const argv = [...engine.command, 'image', 'inspect', '--format', '{{.Size}}', name];
  const { stdout } = await run(argv, { env, timeoutMs, signal });
  const [digits] = /^\d+/.exec(stdout) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** The archive of an image, as the engine writes it. @throws UnetError as `pipe` does. */
export function saveImage(
  engine: Command,
  name: string,
  { env, timeoutMs, signal }: ImageOptions,
): AsyncIterable<Buffer> {
  return pipe([...engine.command, 'save', name], { env, timeoutMs, signal });
}

/** Values in the KVS of a Flux instance, which only the instance's owner can read or write: flux-kvs(1). */
import { type FluxOptions, flux, tryFlux } from './flux.ts';

/** Stores `text` under `key`. It travels on stdin: a command line has a limit, and others can read it. */
export async function putValue(key: string, text: string, options: FluxOptions): Promise<void> {
  await flux(['kvs', 'put', '--raw', `${key}=-`], { ...options, input: text });
}

/** The text under `key`; undefined where there is none. */
export async function getValue(key: string, options: FluxOptions): Promise<string | undefined> {
  const args = ['kvs', 'get', '--raw', key];
  const { exitCode, stdout, stderr } = await tryFlux(args, options);
  if (exitCode !== 0 && /No such file or directory/.test(stderr)) {
    return undefined;
  }
  return exitCode === 0 ? stdout : await flux(args, options);
}

/** Repeatable. */
export async function removeValue(key: string, options: FluxOptions): Promise<void> {
  const args = ['kvs', 'unlink', key];
  const { exitCode, stderr } = await tryFlux(args, options);
  if (exitCode !== 0 && !/No such file or directory/.test(stderr)) {
    await flux(args, options);
  }
}

/** The names in the directory `key`; none where there is no such directory. */
export async function listValues(key: string, options: FluxOptions): Promise<string[]> {
  const { exitCode, stdout } = await tryFlux(['kvs', 'ls', '-1', key], options);
  return exitCode === 0 ? stdout.split('\n').filter((name) => name !== '') : [];
}

/** The kubectl of a pack. */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import which from 'which';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import { type Environment, searchPath } from '../process/environment.ts';
import { run } from '../process/run.ts';
import { elfArchitecture } from './architecture.ts';
import { fileSource, type MemberSource } from './source.ts';

export type KubectlOptions = {
  /** A file; `none`: without; undefined: the one on PATH, if there is one. */
  wanted: string | undefined;
  cwd: string;
  env: Environment;
  signal?: AbortSignal | undefined;
};

export type Kubectl = { source: MemberSource; file: string; architecture: string | undefined };

const MEMBER = 'bin/kubectl';
const VERSION_TIMEOUT_MS = 15_000;
const ClientVersion = z.object({ clientVersion: z.object({ gitVersion: z.string() }) });

/** Undefined where none is wanted, or there is none. @throws UnetError UNET_USAGE for a file that is not there. */
export async function findKubectl(options: KubectlOptions): Promise<Kubectl | undefined> {
  const { wanted, cwd, env } = options;
  if (wanted === 'none') {
    return undefined;
  }
  const file =
    wanted === undefined
      ? await which('kubectl', { path: searchPath(env), nothrow: true })
      : resolve(cwd, wanted);
  if (file === null) {
    return undefined;
  }
  const architecture = elfArchitecture(await headOf(file));
  const version = await versionOf(file, options);
  const source = await fileSource(
    file,
    { path: MEMBER, kind: 'kubectl', mode: 0o755 },
    { licence: 'Apache-2.0', ...(version === undefined ? {} : { version }) },
  );
  return { source, file, architecture };
}

async function headOf(file: string): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(20), 0, 20, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new UnetError('UNET_USAGE', `--kubectl ${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
      remedy: 'name the program, or "none" for a pack without it',
    });
  }
}

/** Undefined when it does not say: it may be for another architecture. */
async function versionOf(file: string, { env, signal }: KubectlOptions): Promise<string | undefined> {
  try {
    const argv = [file, 'version', '--client', '--output', 'json'];
    const { stdout } = await run(argv, { env, timeoutMs: VERSION_TIMEOUT_MS, signal });
    return ClientVersion.parse(JSON.parse(stdout)).clientVersion.gitVersion;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

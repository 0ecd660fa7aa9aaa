/** Starting unet's own processes for the bench, and telling them to go. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { straced } from './strace.js';

const TIMEOUT_MS = 120_000;

/** Resolves with the path of the bundled worker. */
export async function bundleWorker(directory) {
  const outfile = join(directory, 'worker.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
  return outfile;
}

/** A worker that is ready. `go(line)` lets it begin, and resolves with what it says when it has ended. */
export async function startWorker(run, role, options) {
  const argv = [process.execPath, run.worker, role, JSON.stringify(options)];
  const { child, ended } = start(run, argv, ['pipe', 'pipe', 'inherit']);
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  return {
    go: async (line = 'go') => {
      child.stdin.end(`${line}\n`);
      await ended;
      return said.split('\n')[1] ?? '';
    },
  };
}

/** Runs a program to its end. */
export async function runProgram(run, argv) {
  await start(run, argv, ['ignore', 'ignore', 'inherit']).ended;
}

function start(run, argv, stdio) {
  const [file, ...args] = straced(run.log, argv);
  const child = spawn(file, args, {
    stdio,
    timeout: TIMEOUT_MS,
    // strace does not see what goes by io_uring.
    env: { PATH: process.env.PATH, HOME: run.local, TMPDIR: join(run.local, 'tmp'), UV_USE_IO_URING: '0' },
  });
  const ended = once(child, 'exit').then(([code, signal]) => {
    if (code !== 0) {
      throw new Error(`${argv.slice(0, 4).join(' ')} ended with ${code ?? signal}`);
    }
  });
  ended.catch(() => {});
  return { child, ended };
}

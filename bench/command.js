/** Running one of the two contestants, from its start to its exit. */
import { spawn } from 'node:child_process';
import { childrenMs } from './processes.js';

const GRACE_MS = 3000;

/**
 * Runs `argv` and measures it. `startedAt` is a wall clock time in milliseconds; `cpuMs` is what it and the children
 * that it waited for used.
 *
 * @throws Error with the end of its output when it fails, is aborted or takes longer than `timeoutMs`.
 */
export async function timed(argv, { env, cwd, timeoutMs, signal }) {
  signal.throwIfAborted();
  const cpuBefore = childrenMs();
  const startedAt = Date.now();
  const started = performance.now();
  // A process group of its own, so that its end is the end of what it started and did not detach.
  const child = spawn(argv[0], argv.slice(1), {
    env,
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let stdout = '';
  child.stdout.on('data', (data) => {
    stdout += data;
    output += data;
  });
  child.stderr.on('data', (data) => {
    output += data;
  });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const onAbort = () => {
    endGroup(child.pid, 'SIGTERM');
    setTimeout(() => endGroup(child.pid, 'SIGKILL'), GRACE_MS).unref();
  };
  limit.addEventListener('abort', onAbort, { once: true });
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (exitCode, name) => resolve(exitCode ?? name));
    });
    const wallMs = performance.now() - started;
    signal.throwIfAborted();
    if (code !== 0) {
      const why = limit.aborted ? `took longer than ${timeoutMs / 1000} s` : `ended with ${code}`;
      throw new Error(`${argv.join(' ')} ${why}\n${output.slice(-2000)}`);
    }
    return { startedAt, wallMs, cpuMs: childrenMs() - cpuBefore, stdout };
  } finally {
    limit.removeEventListener('abort', onAbort);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function endGroup(pid, name) {
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended.
  }
}

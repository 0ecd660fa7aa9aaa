/** `unet` of the bundle as a user types it, in a place of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { JobState } from '../../src/job/state.ts';
import { processesOf, scratch, until } from '../process/scratch.ts';

const UNET = fileURLToPath(new URL('../../bin/unet.js', import.meta.url));

export type Ran = { code: number | null; stdout: string; stderr: string };

/** A rehearsed cluster of the local allocation. */
export class Cluster {
  readonly directory = scratch();
  readonly name = this.directory.slice(-6).toLowerCase();
  readonly jobDirectory = join(this.directory, 'job', `local-${this.name}`);
  /** Of the commands to come. */
  readonly env: NodeJS.ProcessEnv;

  /** @param env faults and settings. */
  constructor(env: NodeJS.ProcessEnv = {}) {
    for (const name of ['job', 'node', 'tmp', 'home']) {
      mkdirSync(join(this.directory, name), { mode: 0o700 });
    }
    this.env = {
      PATH: process.env.PATH,
      HOME: join(this.directory, 'home'),
      TMPDIR: join(this.directory, 'tmp'),
      UNET_NAME: this.name,
      UNET_ALLOCATION: 'local',
      UNET_RELEASE: 'rehearsal',
      UNET_NODES: '2',
      UNET_JOB_DIR: join(this.directory, 'job'),
      UNET_NODE_DIR: join(this.directory, 'node'),
      ...env,
    };
  }

  start(...args: string[]) {
    const child = spawn(process.execPath, [UNET, ...args], {
      env: this.env,
      cwd: join(this.directory, 'home'),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
      ([stdout, stderr, [code]]): Ran => ({ stdout, stderr, code: code as number | null }),
    );
    return { child, ended };
  }

  unet(...args: string[]): Promise<Ran> {
    return this.start(...args).ended;
  }

  /** The state as it is on disk; undefined when there is none. */
  state(): JobState | undefined {
    const path = join(this.jobDirectory, 'state.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as JobState) : undefined;
  }

  /** What a node's step has logged so far. */
  log(node: string, step: string): string {
    return this.text(node, `${step}.log`);
  }

  /** A file of a node's logs; empty when it is not there. */
  text(node: string, file: string): string {
    const path = join(this.jobDirectory, 'logs', node, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  phases(): Record<string, string> {
    return Object.fromEntries(this.state()?.nodes.map(({ name, phase }) => [name, phase]) ?? []);
  }

  /** Pids of the resident processes whose command line has this word: `supervisor`, `agent`. */
  residents(role: 'supervisor' | 'agent', node?: string): number[] {
    return processesOf(this.directory).filter((pid) => {
      const words = commandLine(pid);
      return words.includes('node') && words.includes(role) && (node === undefined || words.includes(node));
    });
  }

  /** Resolves when no process of the cluster is left. */
  async quiet(): Promise<void> {
    await until(() => processesOf(this.directory).length === 0);
  }

  /** Files and directories that are left, the user's own home apart. */
  left(): string[] {
    return ['job', 'node', 'tmp'].flatMap((name) =>
      filesBelow(join(this.directory, name)).map((path) => `${name}/${path}`),
    );
  }
}

/** Also while they come and go. */
function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => [
      entry.name,
      ...(entry.isDirectory()
        ? filesBelow(join(directory, entry.name)).map((path) => `${entry.name}/${path}`)
        : []),
    ]);
  } catch {
    return [];
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

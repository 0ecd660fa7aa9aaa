/** A Flux job as the prolog and epilog of each of its ranks see it: all on this machine, with a fake flux. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { fakeFlux } from '../flux/fake-flux.ts';
import { processesOf, scratch, until } from '../process/scratch.ts';

const UNET = fileURLToPath(new URL('../../bin/unet.js', import.meta.url));

/** "ƒHQo3vP" of a real instance, in decimal. */
export const JOB = { f58: 'ƒHQo3vP', decimal: '10770972672', jobId: 'flux-10770972672' };

export type Ran = { code: number | null; stdout: string; stderr: string };

export class FluxJob {
  readonly directory = scratch();
  readonly env: NodeJS.ProcessEnv;
  readonly jobDirectory = join(this.directory, 'home/.local/state/unet/jobs', JOB.jobId);

  constructor(ranks = 2, env: NodeJS.ProcessEnv = {}) {
    for (const name of ['home', 'tmp', 'kvs']) {
      mkdirSync(join(this.directory, name), { mode: 0o700 });
    }
    const hosts = Array.from({ length: ranks }, () => 'vm').join(',');
    const last = ranks - 1;
    const R = `{"version": 1, "execution": {"R_lite": [{"rank": "${last === 0 ? 0 : `0-${last}`}", "children": {"core": "0-1"}}], "starttime": 1795255211.4588161, "expiration": 0.0, "nslots": ${ranks}, "nodelist": ["${hosts}"]}}`;
    const path = fakeFlux(this.directory, {
      before: `
kvs=${this.directory}/kvs/$(echo "$*" | sed -n 's/.*--namespace=\\([^ ]*\\).*/\\1/p')
case "$*" in
"getattr security.owner") [ -e ${this.directory}/guest ] && { echo 12345; exit 0; };;
"getattr rank") echo "\${FLUX_URI##*/local-}"; exit 0;;
"job info ${JOB.decimal} R") echo '${R}'; exit 0;;
"kvs put --namespace="*" --raw unet.meeting=-") cat > $kvs.new && mv $kvs.new $kvs; exit 0;;
"kvs get --namespace="*" --raw --waitcreate unet.meeting") until [ -e $kvs ]; do sleep 0.05; done; cat $kvs; exit 0;;
"kvs unlink --namespace="*" -R -f unet") rm -f $kvs; exit 0;;
esac`,
    });
    this.env = {
      PATH: path,
      HOME: join(this.directory, 'home'),
      TMPDIR: join(this.directory, 'tmp'),
      UNET_RELEASE: 'rehearsal',
      FLUX_JOB_ID: JOB.f58,
      ...env,
    };
  }

  /** `unet node up` on a rank, whose prolog has handed on this attribute of the jobspec. */
  up(rank: number, usernetes: unknown = 'yes'): Promise<Ran> {
    const jobspec = JSON.stringify({ version: 1, attributes: { user: { usernetes }, system: {} } });
    return this.run(['node', 'up', '--scheduler', 'flux'], { rank, input: jobspec });
  }

  down(rank: number, deadline = '60s'): Promise<Ran> {
    return this.run(['node', 'down', '--scheduler', 'flux', '--deadline', deadline], { rank });
  }

  /** A command of the job's script, on the first rank. */
  unet(...args: string[]): Promise<Ran> {
    return this.run(args, { rank: 0 });
  }

  /** From now on the instance is somebody else's. */
  becomeGuest(): void {
    writeFileSync(join(this.directory, 'guest'), '');
  }

  pids(role: 'agent' | 'supervisor'): number[] {
    return processesOf(this.directory).filter((pid) => {
      const words = commandLine(pid);
      return words.includes('node') && words.includes(role);
    });
  }

  async quiet(): Promise<void> {
    await until(() => processesOf(this.directory).length === 0);
  }

  /** Files and directories that are left of the job. */
  left(): string[] {
    const places = ['tmp', 'kvs', 'home/.local/state'];
    return places.flatMap((place) => listing(join(this.directory, place)).map((path) => `${place}/${path}`));
  }

  private async run(args: string[], { rank, input = '' }: { rank: number; input?: string }): Promise<Ran> {
    const child = spawn(process.execPath, [UNET, ...args], {
      env: { ...this.env, FLUX_URI: `local://${this.directory}/local-${rank}` },
      cwd: join(this.directory, 'home'),
    });
    child.stdin.end(input);
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { stdout, stderr, code: code as number | null };
  }
}

function listing(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true }).map(String);
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

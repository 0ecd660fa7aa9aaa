/** One trial: a real batch job on two hosts of the lab, a fault in it, and what must be true afterwards. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../lab/lab/deadline.ts';
import type { Lab } from '../lab/lab/index.ts';
import { TIME_SCALE } from '../process/scratch.ts';
import { isHarmless, type Place, type Trial } from './fault.ts';
import { inject, type Scene } from './inject.ts';

export type Found = {
  /** Each a sentence; none: all is as it must be. */
  problems: string[];
  struck: boolean;
  output: string;
};

const MOMENT_MS = 40_000;
const END_MS = 120_000;
const CLEAN_MS = 40_000;

const DOCUMENTED = [0, 1, 2, 3, 4, 5, 129, 130, 142, 143];
/** Of a command that a signal has ended: 128 and its number. */
const KILLED = 137;

export async function attempt(
  trial: Trial,
  at: { lab: Lab; unet: string; hosts: Record<Place, string> },
): Promise<Found> {
  const { lab, hosts } = at;
  const id = await submit(trial, at);
  const files = { use: join(lab.user.home, `use-${id}`), go: join(lab.user.home, `go-${id}`) };
  const output = join(lab.user.home, `slurm-${id}.out`);
  const scene: Scene = {
    ...at,
    jobId: id,
    jobDirectory: join(lab.user.home, '.local/state/unet/jobs', `slurm-${id}`),
  };
  await lab.waitForJobStart(id, { timeoutMs: MOMENT_MS });
  await until(() => reached(trial, scene, files));
  if (trial.moment.during === 'down') {
    await writeFile(files.go, '');
    await until(async () => (await isOver(output)) || (await phaseOf(scene)) !== 'usable');
  }
  await sleep(trial.moment.ms);
  const { struck, undo } = await inject(trial.fault, scene);
  await sleep(trial.endsAfter);
  await writeFile(files.go, '');
  const problems: string[] = [];
  await waitFor(
    'the script to end',
    async () => ((await isOver(output)) || (await hasEnded(lab, id)) ? true : undefined),
    {
      timeoutMs: END_MS,
      everyMs: 200,
    },
  ).catch(() => problems.push(`the script has not ended in ${END_MS} ms`));
  await undo();
  if (problems.length > 0) {
    await lab.scancel(id).catch(() => {});
  }
  await lab
    .waitForJob(id, { timeoutMs: END_MS })
    .catch((error: Error) => problems.push(`Slurm’s job has not ended: ${error.message}`));
  const text = await readFile(output, 'utf8').catch(() => '');
  problems.push(...judge(trial, text, struck));
  problems.push(...(await leftovers(scene)));
  await lab.waitForIdle(Object.values(hosts)).catch((error: Error) => problems.push(error.message));
  await Promise.all([...Object.values(files), output].map((path) => rm(path, { force: true })));
  await rm(scene.jobDirectory, { recursive: true, force: true });
  return { problems, struck, output: text };
}

async function submit(
  { form, moment }: Trial,
  { lab, unet, hosts }: Parameters<typeof attempt>[1],
): Promise<string> {
  const use = 'touch ~/use-$SLURM_JOB_ID; until [ -e ~/go-$SLURM_JOB_ID ]; do sleep 0.1; done';
  const forms: Record<Trial['form'], string> = {
    run: `unet run -- sh -c '${use}; kubectl get nodes'; echo "run: $?"`,
    'up and down': `unet up; echo "up: $?"; ${use}; unet status; echo "status: $?"; unet down; echo "down: $?"`,
    up: `unet up; echo "up: $?"; ${use}`,
  };
  const slow = ['up', 'init', 'join'].includes(moment.during)
    ? `export UNET_REHEARSAL=${moment.during}:delay=1s`
    : '';
  const script = `#!/bin/bash
unet() { ${process.execPath} ${unet} "$@"; }
export UNET_RELEASE=rehearsal UNET_HEARTBEAT=1s UNET_SILENCE=${5 * TIME_SCALE}s UNET_STEP_TIMEOUT_HELLO=${20 * TIME_SCALE}s UNET_TIMEOUT=${60 * TIME_SCALE}s
${slow}
${forms[form]}
echo "the script ends"
`;
  return await lab.sbatch(script, {
    nodes: 2,
    args: ['--no-kill', `--nodelist=${Object.values(hosts).join(',')}`],
  });
}

async function reached({ moment }: Trial, scene: Scene, { use }: { use: string }): Promise<boolean> {
  const usable = await stat(use).then(
    () => true,
    () => false,
  );
  if (usable || moment.during === 'use' || moment.during === 'down') {
    return usable;
  }
  if (moment.during === 'start') {
    const { lab, hosts } = scene;
    return lab
      .processes(hosts.lead, { user: lab.user.name })
      .some(({ command }) => /unet\.js (up|run)/.test(command));
  }
  const state = await stateOf(scene);
  return state?.nodes.some(({ step }) => step === moment.during) ?? false;
}

type State = { phase: string; nodes: { step?: string }[] };

async function stateOf({ jobDirectory }: Scene): Promise<State | undefined> {
  try {
    return JSON.parse(await readFile(join(jobDirectory, 'state.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

async function phaseOf(scene: Scene): Promise<string | undefined> {
  return (await stateOf(scene))?.phase;
}

async function isOver(output: string): Promise<boolean> {
  return /^the script ends$/m.test(await readFile(output, 'utf8').catch(() => ''));
}

async function hasEnded(lab: Lab, id: string): Promise<boolean> {
  const { JobState = '' } = await lab.job(id);
  return !['PENDING', 'RUNNING', 'COMPLETING', 'CONFIGURING'].includes(JobState);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  await waitFor('the moment', async () => ((await condition()) ? true : undefined), {
    timeoutMs: MOMENT_MS,
    everyMs: 30,
  });
}

function judge(trial: Trial, output: string, struck: boolean): string[] {
  const problems: string[] = [];
  const codes = [...output.matchAll(/^(run|up|status|down): (\d+)$/gm)].map(([, name, code]) => ({
    name,
    code: Number(code),
  }));
  for (const { name, code } of codes) {
    if (!DOCUMENTED.includes(code) && !(code === KILLED && kills(trial))) {
      problems.push(`unet ${name} exits with ${code}, which no document has`);
    }
  }
  const failed = codes.filter(({ code }) => code !== 0 && code !== KILLED);
  if (failed.length > 0 && !/UNET_[A-Z_]+|interrupted|after a loss/.test(output)) {
    problems.push(`unet ${failed[0]?.name} exits with ${failed[0]?.code} and does not say why`);
  }
  if (/UNET_INTERNAL|a defect of unet|^\s+at .*\.js:\d+/m.test(output)) {
    problems.push('a defect shows in the output');
  }
  if (failed.length > 0 && (isHarmless(trial) || !struck)) {
    problems.push(`a harmless fault makes unet ${failed[0]?.name} exit with ${failed[0]?.code}`);
  }
  return problems;
}

function kills({ fault }: Trial): boolean {
  return fault.kind === 'scancel' || (fault.kind === 'signal' && fault.roles.includes('command'));
}

/** Processes and files on the trial's hosts, and secrets in its job directory. Logs may stay. */
async function leftovers({ lab, hosts, jobDirectory }: Scene): Promise<string[]> {
  const look = async () => {
    const onHosts = await Promise.all(
      Object.values(hosts).map(async (host) => [
        ...lab
          .processes(host, { user: lab.user.name })
          .map(({ pid, command }) => `${host}: process ${pid} ${command} is left`),
        ...(await lab.files(host)).map((path) => `${host}: ${path} is left`),
      ]),
    );
    const { stdout } = await lab.run(lab.login, ['find', jobDirectory, '-type', 'f'], {
      user: 'root',
      cwd: '/',
    });
    const secrets = stdout
      .split('\n')
      .filter((path) => /\/(kubeconfig|nonce|release\.tar|record\.json)$/.test(path));
    return [...onHosts.flat(), ...secrets.map((path) => `${path} is left`)];
  };
  let left = await look();
  await waitFor(
    'nothing to be left',
    async () => {
      left = await look();
      return left.length === 0 ? true : undefined;
    },
    { timeoutMs: CLEAN_MS, everyMs: 300 },
  ).catch(() => {});
  return left;
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { localLauncher } from '../../src/local/launcher.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { launchFailure } from '../../src/scheduler/launch-failure.ts';
import type { Launcher } from '../../src/scheduler/launcher.ts';
import { srunLauncher } from '../../src/slurm/launcher.ts';
import { isAlive, program, scratch, until } from '../process/scratch.ts';

/** Launches, and keeps what comes back. */
function start(launcher: Launcher, nodes: string[], argv: string[], path = process.env.PATH) {
  const said = {
    lines: [] as string[],
    diagnostics: [] as string[],
    exits: [] as { nodes: readonly string[] | undefined; reason: string }[],
  };
  const agents = launcher.start({
    nodes,
    argv,
    env: { ...childEnvironment({ PATH: path }), PATH: path ?? '' },
    onLine: (line) => said.lines.push(line),
    onDiagnostic: (line) => said.diagnostics.push(line),
    onExit: (ended, reason) => said.exits.push({ nodes: ended, reason }),
  });
  return { agents, ...said };
}

/** An agent that says its name and pid, repeats what it hears, and ends with its input. */
function agentIn(directory: string): string {
  return program(
    directory,
    'agent',
    '#!/bin/sh\necho "$2 $$"\nwhile read -r line; do echo "$2 heard $line"; done\nexit 0\n',
  );
}

describe('the local launcher', () => {
  it('starts an agent for each node, the lead first, and each hears everything', async () => {
    const { agents, lines } = start(localLauncher, ['node-0', 'node-1'], [agentIn(scratch())]);
    agents.send('hello');
    await until(() => lines.length === 4);
    agents.endInput();
    await agents.ended;
    expect(lines[0]).toMatch(/^node-0 \d+$/);
    expect(lines.filter((line) => line.includes('heard')).sort()).toEqual([
      'node-0 heard hello',
      'node-1 heard hello',
    ]);
  });

  it('writes to no other agent what is for some of them', async () => {
    const { agents, lines } = start(localLauncher, ['node-0', 'node-1', 'node-2'], [agentIn(scratch())]);
    agents.send('some', ['node-0', 'node-2']);
    agents.send('none', ['elsewhere']);
    agents.send('all');
    await until(() => lines.length === 8);
    agents.endInput();
    await agents.ended;
    expect(lines.filter((line) => line.includes('heard')).sort()).toEqual([
      'node-0 heard all',
      'node-0 heard some',
      'node-1 heard all',
      'node-2 heard all',
      'node-2 heard some',
    ]);
  });

  it('starts no agent any more that was told to end before its turn', async () => {
    const { agents, lines } = start(localLauncher, ['node-0', 'node-1'], [agentIn(scratch())]);
    agents.endInput();
    expect(await agents.ended).toEqual({ reason: 'exited with 0, was not started' });
    expect(lines).toHaveLength(1);
  });

  it('says which agent was killed, and the others go on', async () => {
    const { agents, lines, exits } = start(localLauncher, ['node-0', 'node-1'], [agentIn(scratch())]);
    const pids = await until(
      () => lines.length === 2 && new Map(lines.map((line) => line.split(' ') as [string, string])),
    );
    process.kill(Number(pids.get('node-1')), 'SIGKILL');
    await until(() => exits.length > 0);
    expect(exits).toEqual([{ nodes: ['node-1'], reason: 'was ended by SIGKILL' }]);
    expect(agents.send('still there?')).toBe(true);
    await until(() => lines.includes('node-0 heard still there?'));
    await agents.terminate(1000);
    expect(isAlive(Number(pids.get('node-0')))).toBe(false);
  });

  it('hands on what an agent says on stderr, with its name', async () => {
    const path = program(scratch(), 'agent', '#!/bin/sh\necho trouble >&2\n');
    const { agents, diagnostics } = start(localLauncher, ['node-0'], [path]);
    await agents.ended;
    expect(diagnostics).toEqual(['node-0: trouble']);
  });

  it('reports an agent that cannot be started', async () => {
    const { agents, exits } = start(localLauncher, ['node-0'], ['unet-no-such-agent']);
    await agents.ended;
    expect(exits).toEqual([{ nodes: ['node-0'], reason: 'could not be started (ENOENT)' }]);
  });
});

describe('the srun launcher', () => {
  it('calls srun with the step of the agents, in an environment without the outer step', async () => {
    const directory = scratch();
    program(
      directory,
      'srun',
      `#!/bin/sh\nprintf '%s\\n' "$@" > ${directory}/argv\nenv > ${directory}/env\n`,
    );
    const { agents } = start(
      srunLauncher('42'),
      ['n0', 'n1'],
      ['unet', 'node', 'agent'],
      `${directory}:${process.env.PATH}`,
    );
    await agents.ended;
    const argv = readFileSync(join(directory, 'argv'), 'utf8').trim().split('\n');
    expect(argv).toContain('--jobid=42');
    expect(argv).toContain('--nodelist=n0,n1');
    expect(argv.slice(argv.indexOf('--'))).toEqual(['--', 'unet', 'node', 'agent']);
    expect(readFileSync(join(directory, 'env'), 'utf8')).not.toMatch(/^SLURM_/m);
  });

  it('starts a step in each component of a heterogeneous job, and all hear everything', async () => {
    const directory = scratch();
    program(directory, 'srun', `#!/bin/sh\nwhile read -r line; do echo "$2 $3 $5 heard $line"; done\n`);
    const launcher = srunLauncher('42', [['n0'], ['n1', 'n2'], ['n3']]);
    const path = `${directory}:${process.env.PATH}`;
    const { agents, lines, exits } = start(launcher, ['n0', 'n1', 'n2'], ['agent'], path);
    agents.send('hello');
    await until(() => lines.length === 2);
    agents.endInput();
    await agents.ended;
    expect(lines.sort()).toEqual([
      '--het-group=0 --nodes=1 --ntasks-per-node=1 heard hello',
      '--het-group=1 --nodes=2 --ntasks-per-node=1 heard hello',
    ]);
    expect(exits.flatMap(({ nodes }) => nodes).sort()).toEqual(['n0', 'n1', 'n2']);
  });

  it('says at once whose task was killed, while srun goes on', async () => {
    const directory = scratch();
    program(
      directory,
      'srun',
      '#!/bin/sh\necho "srun: error: n1: task 1: Killed" >&2\nwhile read -r line; do echo "n0 heard $line"; done\n',
    );
    const { agents, exits, diagnostics, lines } = start(
      srunLauncher('42'),
      ['n0', 'n1'],
      ['agent'],
      `${directory}:${process.env.PATH}`,
    );
    await until(() => exits.length > 0);
    expect(exits).toEqual([{ nodes: ['n1'], reason: 'killed' }]);
    expect(diagnostics).toEqual(['srun: error: n1: task 1: Killed']);
    agents.send('go on');
    await until(() => lines.includes('n0 heard go on'));
    agents.endInput();
    await agents.ended;
    expect(exits.at(-1)).toEqual({ nodes: ['n0', 'n1'], reason: 'srun exited with 0' });
  });

  it('ends srun when it is told to, although that does not end by itself', async () => {
    const directory = scratch();
    program(
      directory,
      'srun',
      `#!/bin/sh\ntrap '' TERM\necho $$ > ${directory}/pid\nwhile :; do sleep 0.05; done\n`,
    );
    const { agents } = start(srunLauncher('42'), ['n0'], ['agent'], `${directory}:${process.env.PATH}`);
    const pid = Number(
      await until(
        () => existsSync(join(directory, 'pid')) && readFileSync(join(directory, 'pid'), 'utf8').trim(),
      ),
    );
    await agents.terminate(100);
    expect(isAlive(pid)).toBe(false);
    await agents.ended;
  });

  it('starts srun again without a node that cannot be reached, and the others hear what was said before', async () => {
    const directory = scratch();
    program(
      directory,
      'srun',
      `#!/bin/sh
case "$*" in
*--nodelist=n0,n1*)
  echo "srun: error: Task launch for StepId=42.0 failed on node n1: Communication connection failure" >&2
  echo "srun: error: Application launch failed: Communication connection failure" >&2
  read -r line; exit 1 ;;
*--nodelist=n0\\ *) while read -r line; do echo "n0 heard $line"; done ;;
esac
`,
    );
    const { agents, exits, lines } = start(
      srunLauncher('42'),
      ['n0', 'n1'],
      ['agent'],
      `${directory}:${process.env.PATH}`,
    );
    agents.send('the spec');
    await until(() => lines.includes('n0 heard the spec'));
    expect(exits).toEqual([
      { nodes: ['n1'], reason: expect.stringContaining('communication connection failure') },
    ]);
    agents.endInput();
    await agents.ended;
  });

  it('reports that there is no srun', async () => {
    const { agents, exits } = start(srunLauncher('42'), ['n0'], ['agent'], scratch());
    await agents.ended;
    expect(exits).toEqual([{ nodes: ['n0'], reason: 'srun could not be started (ENOENT)' }]);
  });

  it("shows srun's own last words when no agent came", () => {
    const error = launchFailure(
      'srun exited with 1',
      ['srun: error: Unable to create step for job 42: Job/step already completing or completed'],
      srunLauncher('42'),
    );
    expect(error.toRecord()).toMatchObject({
      code: 'UNET_LAUNCH_FAILED',
      tail: ['srun: error: Unable to create step for job 42: Job/step already completing or completed'],
    });
  });
});

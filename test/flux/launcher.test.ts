import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fluxExecLauncher } from '../../src/flux/launcher.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import type { AgentFate } from '../../src/scheduler/launcher.ts';
import { isAlive, program, scratch, until } from '../process/scratch.ts';
import { type Answers, calls, fakeFlux, recorded } from './fake-flux.ts';

const RANKS = ['n0', 'n1', 'n2'];

/** Launches agents on `nodes`, by default scripts that say their rank and name and repeat what they hear. */
function start({
  nodes = RANKS,
  agent = 'echo "{\\"rank\\":\\"$FAKE_RANK\\",\\"node\\":\\"$2\\",\\"pid\\":$$}"; while read -r line; do echo "{\\"$2\\":\\"$line\\"}"; done',
  argv,
  self,
  ...answers
}: { nodes?: string[]; agent?: string; argv?: string[]; self?: string } & Answers = {}) {
  const directory = scratch();
  const PATH = fakeFlux(directory, answers);
  const said = {
    lines: [] as string[],
    diagnostics: [] as string[],
    exits: [] as { nodes: readonly string[] | undefined; reason: string; told: AgentFate }[],
  };
  const path = program(directory, 'agent', `#!/bin/sh\nenv > ${directory}/env-$2\n${agent}\n`);
  const agents = fluxExecLauncher({ uri: 'local:///x', ranks: RANKS, self }).start({
    nodes,
    argv: argv ?? [path],
    env: { ...childEnvironment({}), PATH },
    onLine: (line) => said.lines.push(line),
    onDiagnostic: (line) => said.diagnostics.push(line),
    onExit: (ended, reason, told) => said.exits.push({ nodes: ended, reason, told }),
  });
  return { agents, directory, ...said };
}

describe('the flux exec launcher', () => {
  it('starts an agent on each rank, which is told its name, and each hears everything', async () => {
    const { agents, lines } = start();
    agents.send('hello');
    agents.endInput();
    await agents.ended;
    for (const [rank, node] of RANKS.entries()) {
      expect(lines.filter((line) => line.includes(`"rank":"${rank}","node":"${node}"`))).toHaveLength(1);
      expect(lines).toContain(`{"${node}":"hello"}`);
    }
  });

  it('finds the rank of a node when only some are started', async () => {
    const { agents, lines } = start({ nodes: ['n2'] });
    agents.endInput();
    await agents.ended;
    expect(lines[0]).toContain('"rank":"2","node":"n2"');
  });

  it('starts the agent of its own rank as a child, which needs no broker', async () => {
    const { agents, directory, lines, exits } = start({ nodes: ['n0', 'n1'], self: 'n0' });
    agents.send('hello');
    await until(() => lines.includes('{"n0":"hello"}') && lines.includes('{"n1":"hello"}'));
    expect(calls(directory)).toHaveLength(1);
    expect(readFileSync(join(directory, 'env-n0'), 'utf8')).toContain('FLUX_URI=local:///x');
    agents.endInput();
    await agents.ended;
    expect(exits).toContainEqual({ nodes: ['n0'], reason: 'exited with 0', told: undefined });
  });

  it('tells flux where the broker is, and the agents nothing of an outer step', async () => {
    const { agents, directory } = start({ nodes: ['n0'] });
    agents.endInput();
    await agents.ended;
    const env = readFileSync(join(directory, 'env-n0'), 'utf8');
    expect(env.match(/^FLUX_.*$/gm)).toEqual(['FLUX_URI=local:///x']);
    expect(env).not.toContain('LD_PRELOAD');
  });

  it('hands lines on while the agents live, and tells them from what is no message', async () => {
    const { agents, lines, diagnostics } = start({
      nodes: ['n1'],
      agent: 'echo a banner; echo trouble >&2; echo "{}"; read -r line',
    });
    await until(() => lines.length > 0);
    expect(lines).toEqual(['{}']);
    expect(diagnostics).toEqual(['n1: a banner', 'n1: trouble']);
    agents.endInput();
    await agents.ended;
  });

  it('says which agent was killed, and the others go on', async () => {
    const { agents, lines, exits } = start();
    const pids = await until(
      () => lines.length === 3 && new Map(lines.map((line) => [JSON.parse(line).node, JSON.parse(line).pid])),
    );
    process.kill(pids.get('n1'), 'SIGKILL');
    await until(() => exits.length > 0);
    expect(exits).toEqual([
      { nodes: ['n1'], reason: expect.stringMatching(/was ended by/), told: undefined },
    ]);
    agents.send('go on');
    await until(() => lines.includes('{"n2":"go on"}'));
    await agents.terminate(1000);
    expect(isAlive(pids.get('n0'))).toBe(false);
  });

  it.each([
    ['not found', 'exec-missing-command.stderr', 127, /^not found there: nosuchcmd: .*No such file/],
    ['not executable', 'exec-missing-command.stderr', 126, /^not executable there/],
    ['a rank that is not there', 'exec-nonexistent-rank.stderr', 1, /^exited with 1: .*invalid --ranks/],
    ['a failing agent', 'exec-failing.stderr', 4, /^exited with 4$/],
    ['an agent ended by a signal', 'exec-failing.stderr', 137, /^was ended by signal 9$/],
  ])('tells %s from the rest', async (_, file, code, reason) => {
    const before = `case "$1" in exec) cat >&2 <<'END'\n${recorded(file)}END\nexit ${code};; esac`;
    const { agents, exits } = start({ nodes: ['n1'], before });
    await agents.ended;
    expect(exits).toEqual([{ nodes: ['n1'], reason: expect.stringMatching(reason), told: undefined }]);
  });

  it('knows the end of the instance when the broker on this node is killed', async () => {
    const { agents, exits } = start({
      nodes: ['n1'],
      before: `case "$1" in
        exec) echo "flux-exec: flux_reactor_run: Success" >&2; exit 1;;
        *) echo "flux-$1: flux_open: Connection refused" >&2; exit 1;;
      esac`,
    });
    await agents.ended;
    expect(exits).toEqual([
      { nodes: ['n1'], reason: expect.stringMatching(/^exited with 1/), told: 'allocation' },
    ]);
  });

  describe('when a broker is lost', () => {
    const before =
      'case "$*" in "exec --rank 2"*) echo "flux-exec: Error: rank 2: sh: No route to host" >&2; exit 68;; esac';

    it('has lost that node only', async () => {
      const { agents, exits, lines } = start({ before });
      await until(() => exits.length > 0);
      expect(exits).toEqual([
        { nodes: ['n2'], reason: expect.stringMatching(/broker is lost.*No route to host/), told: undefined },
      ]);
      agents.send('go on');
      await until(() => lines.includes('{"n1":"go on"}'));
      agents.endInput();
      await agents.ended;
    });

    it('in order, its agent takes the node away by itself, and the others go on', async () => {
      const { agents, exits } = start({
        nodes: ['n1', 'n2'],
        before: `${before}
        [ "$1 $2" = "overlay status" ] && { cat <<'END'\n${recorded('overlay-status.stdout')}END\nexit; }`,
      });
      await until(() => exits.length > 0);
      expect(exits).toEqual([{ nodes: ['n2'], reason: expect.any(String), told: 'node' }]);
      agents.endInput();
      await agents.ended;
    });

    it('because the instance is ending, its agent takes the node away by itself', async () => {
      const uptime = ' 17:15:45 cleanup 0.1s,  owner root,  depth 1,  size 2\n';
      const { agents, exits } = start({ nodes: ['n2'], before, uptime });
      await agents.ended;
      expect(exits).toEqual([{ nodes: ['n2'], reason: expect.any(String), told: 'allocation' }]);
    });
  });

  it('passes a SIGTERM on, so that an agent can take its node down', async () => {
    const { agents, lines } = start({
      nodes: ['n0'],
      agent: `trap 'echo "{\\"bye\\":1}"; exit 0' TERM; echo "{}"; while :; do sleep 0.05; done`,
    });
    await until(() => lines.length > 0);
    await agents.terminate(5000);
    await agents.ended;
    expect(lines).toContain('{"bye":1}');
  });
});

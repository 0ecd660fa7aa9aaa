import { describe, expect, it } from 'vitest';
import { UnetError } from '../../src/errors.ts';
import { COMMANDS, commandThat, commandThrowing, STEP_ERROR, unet } from './run-cli.ts';

describe('what was mistyped', () => {
  it.each([
    [['upp'], 'unet: unknown command upp; did you mean up?'],
    [['frobnicate'], 'unet: unknown command frobnicate; see unet --help'],
    [['up', '--nodez', '3'], 'unet: unknown flag --nodez; did you mean --nodes?'],
    [['up', '--nodez=3'], 'unet: unknown flag --nodez; did you mean --nodes?'],
    [['up', '-x'], 'unet: unknown flag -x; see unet up --help'],
    [['up', '--nodes'], 'unet: --nodes needs a value'],
    [['up', '--nodes', '--retain'], 'unet: --nodes needs a value'],
    [['up', '--nodes', 'x'], 'unet: --nodes: "x" is not a whole number from 1'],
    [
      ['up', '--engine', 'dokcer'],
      'unet: --engine: "dokcer" is not one of auto, docker, podman, nerdctl; did you mean docker?',
    ],
    [['up', '--retain=yes'], 'unet: --retain "yes" is not true or false'],
    [['up', 'now'], 'unet: unexpected argument now; see unet up --help'],
    [['up', '--', 'now'], 'unet: unet up takes no arguments after --'],
    [['--nodes', '3', 'up'], 'unet: --nodes; flags go after the command: unet up --nodes 3'],
    [['run', './w.sh'], 'unet: unexpected argument ./w.sh; put a command after --: unet run -- ./w.sh'],
    [['run', 'ls', '-la'], 'unet: unexpected argument ls; put a command after --: unet run -- ls -la'],
    [['attr'], 'unet: unet attr needs <attribute>; see unet attr --help'],
    [
      ['attr', 'kubeconf'],
      'unet: attribute "kubeconf" is not one of kubeconfig, server; did you mean kubeconfig?',
    ],
    [['attr', 'server', '--shell', 'fish'], 'unet: --shell "fish" is not one of sh, csh'],
    [['attr', 'server', '--lines', 'x'], 'unet: --lines needs a number'],
    [['help', 'upp'], 'unet: unknown command upp; did you mean up?'],
  ])('%j gets one line and exit code 2', async (words, line) => {
    expect(await unet(words)).toEqual({ code: 2, stdout: '', stderr: `${line}\n` });
  });

  it('is told as JSON to a program', async () => {
    const { code, stdout, stderr } = await unet(['up', '--json', '--output', 'plain']);
    expect([code, stderr]).toEqual([2, '']);
    expect(JSON.parse(stdout)).toEqual({
      type: 'error',
      error: { code: 'UNET_USAGE', message: '--json contradicts --output plain', exitCode: 2 },
    });
  });

  it('is one line for each of several wrong settings', async () => {
    const { code, stderr } = await unet(['up', '--nodes', '0'], { env: { UNET_TIMEOUT: 'soon' } });
    expect(code).toBe(2);
    expect(stderr.trimEnd().split('\n')).toEqual([
      'unet: --nodes: "0" is not a whole number from 1',
      'unet: UNET_TIMEOUT: "soon" is not a duration such as 90s, 10m or 2h',
    ]);
  });
});

describe('a command', () => {
  it('gets its settings from flags and variables', async () => {
    const words = ['up', '--retain', '--step-timeout', 'up=5m', '--step-timeout', 'join=1m'];
    const { code, stdout } = await unet(words, { env: { UNET_NODES: '3' } });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ nodes: 3, retain: true, up: 300_000, json: false });
  });

  it('takes the last of a flag that is given twice', async () => {
    const { stdout } = await unet(['up', '--nodes', '3', '--retain', '--nodes', '4', '--no-retain']);
    expect(JSON.parse(stdout)).toMatchObject({ nodes: 4, retain: false });
  });

  it('knows that its output is for a program, by --json, --output json or the variable', async () => {
    for (const [words, env] of [
      [['up', '--json'], {}],
      [['up', '--output=json'], {}],
      [['up'], { UNET_OUTPUT: 'json' }],
    ] as const) {
      expect(JSON.parse((await unet(words, { env })).stdout)).toMatchObject({ json: true });
    }
  });

  it('gets its positionals and its own flags', async () => {
    const { stdout } = await unet(['attr', 'server', '--lines', '4', '--shell=csh']);
    expect(JSON.parse(stdout)).toEqual({ attribute: 'server', lines: 4, shell: 'csh' });
  });

  it('gets what stands behind --, whatever it is, and gives the exit code', async () => {
    const words = ['sh', '-c', 'x', '--help', '--nodez', '--', '-h', ''];
    expect(await unet(['run', '--nodes', '2', '--', ...words])).toEqual({
      code: 7,
      stdout: `${JSON.stringify(words)}\n`,
      stderr: '',
    });
  });

  it('that passes everything on gets every word untouched', async () => {
    const words = ['get', 'nodes', '-o', 'wide', '--help', '--json', '--nodez=1', '--', '007'];
    expect((await unet(['kubectl', ...words])).stdout).toBe(`${JSON.stringify(words)}\n`);
    expect((await unet(['kubectl', '--help'])).stdout).toBe('["--help"]\n');
  });

  it('is warned of variables that unet does not know, on stderr', async () => {
    const { code, stderr } = await unet(['up'], { env: { UNET_NODEZ: '3' } });
    expect(code).toBe(0);
    expect(stderr).toBe(
      "unet: warning: the variable UNET_NODEZ is not one of unet's; did you mean UNET_NODES?\n",
    );
  });

  it('without settings works whatever the configuration says', async () => {
    const { code } = await unet(['completion', 'bash'], {
      env: { UNET_CONFIG: '/nonexistent', UNET_NODES: 'x' },
    });
    expect(code).toBe(0);
  });
});

describe('help', () => {
  it('of unet groups the commands and leaves out the hidden ones', async () => {
    const commands = [...COMMANDS, { ...commandThat(async () => 0), hidden: true }];
    const { code, stdout, stderr } = await unet(['--help'], { commands });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /The cluster:\n {2}unet up .*\n {2}unet run .*\n\nWorking in it:\n {2}unet kubectl/,
    );
    expect(stdout).not.toContain('unet act');
    expect((await unet(['-h'], { commands })).stdout).toBe(stdout);
    expect((await unet(['help'], { commands })).stdout).toBe(stdout);
  });

  it('without any word is on stderr, with exit code 2', async () => {
    const { code, stdout, stderr } = await unet([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('unet up');
  });

  it.each(COMMANDS.map((command) => [command.command.split(' ')[0] ?? '', command] as const))(
    'of %s has an example, and the variable of each of its settings',
    async (name, command) => {
      const { code, stdout } = await unet(['help', name]);
      expect(code).toBe(0);
      expect(stdout).toContain(command.example[0]?.[0]);
      if (command.rest !== 'everything') {
        expect((await unet([name, '--help'])).stdout).toBe(stdout);
      }
      if (command.settings === 'all') {
        for (const variable of ['UNET_NODES', 'UNET_JOIN_VIA', 'UNET_STEP_TIMEOUT_STEP', 'UNET_CONFIG']) {
          expect(stdout).toContain(`[${variable}]`);
        }
      }
    },
  );

  it('shows defaults as people write them', async () => {
    expect((await unet(['up', '--help'])).stdout.replace(/\s+/g, ' ')).toContain(
      '--timeout deadline of the whole bring-up; default 15m [UNET_TIMEOUT]',
    );
  });

  it('is not mixed up with a version', async () => {
    expect(await unet(['--version'])).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
  });
});

describe('a command that fails', () => {
  it('says what happened where, the last output, the log and the remedy, without secrets', async () => {
    const { code, stdout, stderr } = await unet(['act'], { commands: [commandThrowing(STEP_ERROR)] });
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toBe(
      [
        'UNET_STEP_TIMEOUT on n3 in step join: took longer than 10 s',
        '    | waiting',
        '    | token abcdef.[secret]',
        '  log: /logs/n3/join.log',
        '  what to do: raise --step-timeout join=',
        '',
      ].join('\n'),
    );
  });

  it('says it as one JSON line on stdout with --json', async () => {
    const { code, stdout, stderr } = await unet(['act', '--json'], {
      commands: [commandThrowing(STEP_ERROR)],
    });
    expect([code, stderr]).toEqual([4, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'error',
      error: { code: 'UNET_STEP_TIMEOUT', node: 'n3', tail: ['waiting', 'token abcdef.[secret]'] },
    });
  });

  it('by a defect is UNET_INTERNAL, with the stack only on demand', async () => {
    const commands = [commandThrowing(new TypeError('x is not a function'))];
    const { code, stderr } = await unet(['act'], { commands });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^UNET_INTERNAL: x is not a function\n/);
    expect(stderr).not.toContain('    at ');
    expect((await unet(['act'], { commands, env: { UNET_DEBUG: '1' } })).stderr).toContain('    at ');
  });

  it('because it was interrupted gives the exit code of the interruption', async () => {
    const reason = new UnetError('UNET_INTERRUPTED', 'interrupted', { exitCode: 143 });
    const interruption = new AbortController();
    const act = commandThat(async ({ signal }) => {
      interruption.abort(reason);
      return signal.aborted ? Promise.reject(new DOMException('aborted', 'AbortError')) : 0;
    });
    const { code, stderr } = await unet(['act'], { commands: [act], signal: interruption.signal });
    expect(code).toBe(143);
    expect(stderr).toContain('UNET_INTERRUPTED: interrupted');
  });
});

describe('unet config', () => {
  it('shows each value and where it came from', async () => {
    const { code, stdout } = await unet(['config', '--timeout', '7m'], { env: { UNET_NODES: '4' } });
    expect(code).toBe(0);
    const rows = Object.fromEntries(
      stdout.split('\n').map((line) => [line.split(/ {2,}/)[0], line.split(/ {2,}/).slice(1)]),
    );
    expect(rows).toMatchObject({
      setting: ['value', 'from'],
      nodes: ['4', 'UNET_NODES'],
      timeout: ['7m', '--timeout'],
      'step-timeouts.up': ['10m', 'default'],
      'min-nodes': ['-', 'default'],
    });
  });

  it('gives the same as JSON', async () => {
    const { stdout } = await unet(['config', '--json', '--timeout', '7m', '--env', 'A=1', '--env', 'B=2']);
    expect(JSON.parse(stdout).settings.env).toMatchObject({ value: ['A=1', 'B=2'], where: '--env' });
    expect(JSON.parse(stdout).settings.timeout).toEqual({
      value: 420_000,
      text: '7m',
      source: 'flag',
      where: '--timeout',
    });
  });
});

/** The command line on streams that remember, with commands that say what they were given. */
import { Writable } from 'node:stream';
import { config } from '../../src/cli/config.ts';
import { createCli } from '../../src/cli/frame/cli.ts';
import type { AnyCommand, CommandModule } from '../../src/cli/frame/command.ts';
import { completion } from '../../src/cli/frame/completion.ts';
import { UnetError } from '../../src/errors.ts';

export type Ran = { code: number; stdout: string; stderr: string };

const up: CommandModule = {
  command: 'up',
  describe: 'bring the cluster up in this allocation',
  group: 'cluster',
  example: [['unet up --nodes 3', 'on three nodes']],
  settings: 'all',
  json: true,
  async handler({ settings, json, out }) {
    out(
      JSON.stringify({ nodes: settings.nodes, retain: settings.retain, up: settings.stepTimeouts.up, json }),
    );
    return 0;
  },
};

const run: CommandModule = {
  command: 'run',
  describe: 'up, a command, down',
  group: 'cluster',
  example: [['unet run -- ./workflow.sh', 'in a batch script']],
  settings: 'all',
  rest: 'dashes',
  async handler({ rest, out }) {
    out(JSON.stringify(rest));
    return 7;
  },
};

const kubectl: CommandModule = {
  command: 'kubectl',
  describe: 'kubectl in this cluster',
  group: 'use',
  example: [['unet kubectl get nodes -o wide', 'all nodes']],
  settings: ['name'],
  rest: 'everything',
  async handler({ rest, out }) {
    out(JSON.stringify(rest));
    return 0;
  },
};

const attr: CommandModule<{ attribute: string; shell?: string; lines?: number }> = {
  command: 'attr <attribute>',
  describe: 'one value of the cluster',
  group: 'use',
  example: [['unet attr kubeconfig', 'its path']],
  settings: ['name'],
  positionals: { attribute: { type: 'string', choices: ['kubeconfig', 'server'], describe: 'which' } },
  builder: {
    shell: { type: 'string', choices: ['sh', 'csh'], describe: 'the shell' },
    lines: { type: 'number', describe: 'how many' },
  },
  async handler({ args, out }) {
    out(JSON.stringify(args));
    return 0;
  },
};

export const COMMANDS: readonly AnyCommand[] = [up, run, kubectl, attr, config, completion];

/** A command whose handler is given. */
export function commandThat(handler: CommandModule['handler']): AnyCommand {
  return {
    command: 'act',
    describe: 'x',
    group: 'use',
    example: [['unet act', 'x']],
    settings: [],
    json: true,
    handler,
  };
}

/** A command that throws. */
export function commandThrowing(error: unknown): AnyCommand {
  return commandThat(() => Promise.reject(error));
}

export const STEP_ERROR = new UnetError('UNET_STEP_TIMEOUT', 'took longer than 10 s', {
  node: 'n3',
  step: 'join',
  tail: ['waiting', 'token abcdef.0123456789abcdef'],
  log: '/logs/n3/join.log',
  remedy: 'raise --step-timeout join=',
});

export type RunOptions = {
  commands?: readonly AnyCommand[];
  env?: Record<string, string>;
  signal?: AbortSignal;
};

/** Runs `unet` with these words; no configuration file and no variable but `env`. */
export async function unet(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const stdout = remembering();
  const stderr = remembering();
  const cli = createCli(words, options.commands ?? COMMANDS, {
    version: '1.2.3',
    stdout,
    stderr,
    cwd: '/',
    env: { HOME: '/nonexistent', UNET_CONFIG: '/dev/null', ...options.env },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const code = await cli.run();
  return { code, stdout: stdout.text, stderr: stderr.text };
}

function remembering(): Writable & { text: string } {
  const stream = Object.assign(
    new Writable({
      write(chunk, _encoding, done) {
        stream.text += String(chunk);
        done();
      },
    }),
    { text: '' },
  );
  return stream;
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentArgv } from '../../src/launch/launcher.ts';
import { localLauncher } from '../../src/launch/local.ts';
import { startSpareAgent } from '../../src/launch/spare-agent.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { program, scratch, until } from '../process/scratch.ts';

// An agent that notes its start, says what it hears, and ends with its input.
const AGENT = `
const { appendFileSync } = require('node:fs');
const [node] = process.argv.slice(-1);
appendFileSync(process.env.UNET_STARTS, node + ' ' + process.pid + '\\n');
process.stdin.on('data', (data) => process.stdout.write(node + ' ' + process.pid + ' heard ' + data));
process.stdin.on('end', () => appendFileSync(process.env.UNET_STARTS, 'end ' + process.pid + '\\n'));
`;

const script = process.argv[1] ?? '';

describe('the agent that is started before it is known what for', () => {
  let directory: string;
  const notes = () => {
    const file = join(directory, 'starts');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };

  beforeEach(() => {
    directory = scratch();
    process.argv[1] = program(directory, 'agent.cjs', AGENT);
  });
  afterEach(() => {
    process.argv[1] = script;
  });

  function launch(jobId: string, env: NodeJS.ProcessEnv) {
    const lines: string[] = [];
    const agents = localLauncher.start({
      nodes: ['node-0', 'node-1'],
      argv: agentArgv(jobId),
      env: childEnvironment(env),
      onLine: (line) => lines.push(line),
      onDiagnostic: () => {},
      onExit: () => {},
    });
    return { agents, lines };
  }

  it('is the lead’s where it is just what would be started', async () => {
    const env = { PATH: process.env.PATH, UNET_STARTS: join(directory, 'starts') };
    startSpareAgent('one', env);
    await until(() => notes().length === 1);
    const { agents, lines } = launch('local-one', env);
    agents.send('hello');
    await until(() => lines.length === 2);
    agents.endInput();
    await agents.ended;
    const starts = notes().filter((line) => !line.startsWith('end'));
    expect(starts.map((line) => line.split(' ')[0])).toEqual(['node-0', 'node-1']);
    expect(lines[0]).toBe(`${starts[0]} heard hello`);
  });

  it.each([
    ['of another name', 'local-two', {}],
    ['with another environment', 'local-one', { UNET_HEARTBEAT: '1s' }],
  ])('is let go in a cluster %s', async (_, jobId, more) => {
    const env = { PATH: process.env.PATH, UNET_STARTS: join(directory, 'starts') };
    startSpareAgent('one', env);
    await until(() => notes().length === 1);
    const [spare] = notes();
    const { agents, lines } = launch(jobId, { ...env, ...more });
    agents.send('hello');
    await until(() => lines.length === 2);
    expect(lines.some((line) => line.startsWith(`${spare} `))).toBe(false);
    await until(() => notes().includes(`end ${spare?.split(' ')[1]}`));
    agents.endInput();
    await agents.ended;
  });
});

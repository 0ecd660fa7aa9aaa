/** Nothing outside of a scheduler's folder asks which scheduler there is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SCHEDULER_NAMES, scheduler } from '../../src/scheduler/registry.ts';

const SRC = join(import.meta.dirname, '../../src');
const REGISTRY = 'scheduler/registry.ts';

it('the names of the schedulers are words of their own folders and of the registry only', () => {
  const name = new RegExp(`'(${SCHEDULER_NAMES.join('|')})'`);
  const places = readdirSync(SRC, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('.ts') && name.test(readFileSync(join(SRC, path), 'utf8')))
    .filter((path) => !SCHEDULER_NAMES.some((own) => path.startsWith(`${own}/`)));
  expect(places).toEqual([REGISTRY]);
});

it('each has a folder, and says how a user gets an allocation of it', () => {
  const folders = readdirSync(SRC);
  for (const name of SCHEDULER_NAMES) {
    expect(folders).toContain(name);
    expect(scheduler(name).howToGetOne).not.toBe('');
  }
});

it.each([
  ['slurm', { schedulerJobId: '42' }, 'srun'],
  ['flux', { details: { uri: 'local:///x' } }, 'flux'],
] as const)('%s runs a command on a node, with a terminal or without', (name, more, program) => {
  const job = scheduler(name).open({ kind: name, jobId: `${name}-1`, nodes: ['n0', 'n1'], ...more }, {});
  const plain = job.command('n1', ['cat', '/x y']);
  const inTerminal = job.command('n1', ['sh'], { terminal: true });
  expect(plain?.[0]).toBe(program);
  expect(plain?.slice(-2)).toEqual(['cat', '/x y']);
  expect(inTerminal).not.toEqual(job.command('n1', ['sh']));
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandHostlist } from '../../src/hostlist.ts';
import { parseLaunchFailure, parseTaskEnd, srunArgv } from '../../src/slurm/srun.ts';

describe('a host list', () => {
  it('expands to what scontrol made of it', () => {
    const recorded = readFileSync(
      new URL('../../fixtures/slurm/scontrol-show-hostnames-brackets.txt', import.meta.url),
      'utf8',
    );
    expect(expandHostlist('a[01-03,7],b,rack[1-2]n[08-10]')).toEqual(recorded.trim().split('\n'));
  });

  it('without brackets is itself', () => {
    expect(expandHostlist('n1')).toEqual(['n1']);
    expect(expandHostlist('login-1.example.org,n2')).toEqual(['login-1.example.org', 'n2']);
    expect(expandHostlist('')).toEqual([]);
  });

  it('keeps the leading zeros of its numbers, also where they grow', () => {
    expect(expandHostlist('n[8-11]')).toEqual(['n8', 'n9', 'n10', 'n11']);
    expect(expandHostlist('n[098-101]')).toEqual(['n098', 'n099', 'n100', 'n101']);
  });

  const name = fc.stringMatching(/^[a-z]([a-z-]{0,5}[a-z])?$/);
  const range = fc
    .record({ from: fc.nat(2000), more: fc.nat(12), width: fc.integer({ min: 1, max: 5 }) })
    .map(({ from, more, width }) => {
      const numbers = Array.from({ length: more + 1 }, (_, index) =>
        String(from + index).padStart(width, '0'),
      );
      // Slurm writes a range with the width of its first number.
      const fit = numbers.map((_, index) => String(from + index).padStart(numbers[0]?.length ?? 0, '0'));
      return { text: more === 0 ? `${fit[0]}` : `${fit[0]}-${fit.at(-1)}`, numbers: fit };
    });
  const bracket = fc.array(range, { minLength: 1, maxLength: 3 });
  const item = fc
    .record({ head: name, brackets: fc.array(bracket, { maxLength: 2 }), tail: fc.option(name, { nil: '' }) })
    .map(({ head, brackets, tail }) => ({
      text: `${head}${brackets.map((ranges) => `[${ranges.map(({ text }) => text).join(',')}]`).join('x')}${tail}`,
      names: brackets
        .reduce(
          (names, ranges, index) =>
            names.flatMap((prefix) =>
              ranges.flatMap(({ numbers }) => numbers.map((n) => `${prefix}${index > 0 ? 'x' : ''}${n}`)),
            ),
          [head],
        )
        .map((prefix) => `${prefix}${tail}`),
    }));

  it('of any form expands to the names it was folded from, in their order', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 4 }), (items) => {
        expect(expandHostlist(items.map(({ text }) => text).join(','))).toEqual(
          items.flatMap(({ names }) => names),
        );
      }),
    );
  });
});

describe('what srun says about its tasks', () => {
  const known = ['n0', 'n1', 'n2', 'rack1n08'];

  it('names the node whose task was killed', () => {
    expect(parseTaskEnd('srun: error: n1: task 1: Killed', known)).toEqual({
      nodes: ['n1'],
      reason: 'killed',
    });
  });

  it('names the nodes whose tasks have failed', () => {
    expect(parseTaskEnd('srun: error: n[1-2]: tasks 1-2: Exited with exit code 3', known)).toEqual({
      nodes: ['n1', 'n2'],
      reason: 'exited with exit code 3',
    });
    expect(parseTaskEnd('srun: error: n0,rack1n[08-09]: tasks 0,3-4: Terminated', known)?.nodes).toEqual([
      'n0',
      'rack1n08',
    ]);
  });

  it('names the node that could not be reached', () => {
    const line =
      'srun: error: Task launch for StepId=1.0 failed on node n2: Communication connection failure';
    expect(parseLaunchFailure(line, known)).toEqual({
      nodes: ['n2'],
      reason: 'communication connection failure',
    });
    expect(parseLaunchFailure(line, ['n0'])).toBeUndefined();
  });

  it("is nothing when it is about something else, or another job's nodes", () => {
    for (const line of [
      'srun: Job step created for StepId=9.0',
      'srun: error: Unable to create step for job 9: Invalid node name specified',
      'srun: error: other: task 0: Killed',
      'n1: task 1: Killed',
      '',
    ]) {
      expect(parseTaskEnd(line, known)).toBeUndefined();
    }
  });
});

describe("the command line of the agents' step", () => {
  it("is one task on each node, beside the user's own steps, that survives the death of one", () => {
    expect(srunArgv({ id: '42' }, ['n1', 'n2'], ['unet', 'node', 'agent'])).toEqual([
      'srun',
      '--jobid=42',
      '--nodes=2',
      '--ntasks=2',
      '--ntasks-per-node=1',
      '--nodelist=n1,n2',
      '--job-name=unet',
      '--overlap',
      '--cpu-bind=none',
      '--mem=0',
      '--kill-on-bad-exit=0',
      '--wait=0',
      '--no-kill',
      '--mpi=none',
      '--',
      'unet',
      'node',
      'agent',
    ]);
  });
});

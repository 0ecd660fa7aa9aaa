import { describe, expect, it } from 'vitest';
import { chosenScheduler } from '../../src/scheduler/detect.ts';
import { surroundingScheduler } from '../../src/scheduler/registry.ts';

describe('the scheduler that a process is in', () => {
  it.each([
    ['none', {}, undefined],
    ['Slurm', { SLURM_JOB_ID: '1' }, 'slurm'],
    ['Flux', { FLUX_URI: 'local:///x' }, 'flux'],
    [
      'Flux, which is the nearest one in a job of Slurm',
      { SLURM_JOB_ID: '1', FLUX_URI: 'local:///x' },
      'flux',
    ],
  ])('is %s', (_, env, expected) => {
    expect(surroundingScheduler(env)).toBe(expected);
    expect(chosenScheduler({ kind: 'auto', env })).toBe(expected);
    expect(chosenScheduler({ kind: 'local', env })).toBe('local');
  });
});

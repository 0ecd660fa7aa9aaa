import { describe, expect, it } from 'vitest';
import { childEnvironment } from '../../src/process/environment.ts';
import { parseTimeLeft, showHostnames, timeLeft } from '../../src/slurm/scontrol.ts';
import { program, scratch } from '../process/scratch.ts';
import { fakeSlurm, recorded } from './fake-slurm.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe('the time left of a job', () => {
  it.each([
    [recorded('squeue-timeleft.txt').split('|')[0] ?? '', 10 * MINUTE],
    ['0:15', 15 * SECOND],
    ['2:00:00', 2 * HOUR],
    ['1-02:00:00', 26 * HOUR],
    ['UNLIMITED', undefined],
    ['NOT_SET', undefined],
    ['INVALID', undefined],
    ['', undefined],
  ])('"%s" is %s ms', (text, ms) => {
    expect(parseTimeLeft(text)).toBe(ms);
  });

  it('is what squeue says', async () => {
    const env = childEnvironment({ PATH: fakeSlurm(scratch(), { timeLeft: '1:30' }) });
    expect(await timeLeft('9', env)).toBe(90 * SECOND);
  });
});

describe('asking Slurm', () => {
  it('gives the names in its order', async () => {
    const env = childEnvironment({
      PATH: fakeSlurm(scratch(), { hostnames: recorded('scontrol-show-hostnames-brackets.txt') }),
    });
    expect(await showHostnames('a[01-03,7],b,rack[1-2]n[08-10]', env)).toEqual(
      recorded('scontrol-show-hostnames-brackets.txt').trim().split('\n'),
    );
  });

  it('that fails says what it said and what to try', async () => {
    const directory = scratch();
    program(
      directory,
      'scontrol',
      '#!/bin/sh\necho "slurm_load_ctl_conf error: Unable to contact slurm controller" >&2\nexit 1\n',
    );
    const env = childEnvironment({ PATH: `${directory}:${process.env.PATH}` });
    await expect(showHostnames('n[0-2]', env)).rejects.toMatchObject({
      code: 'UNET_ALLOCATION_UNREADABLE',
      message: 'asking Slurm failed: scontrol exited with 1',
      details: {
        tail: ['slurm_load_ctl_conf error: Unable to contact slurm controller'],
        remedy: expect.stringContaining('scontrol show hostnames n[0-2]'),
      },
    });
  });

  it('that gives no names is an error', async () => {
    const env = childEnvironment({ PATH: fakeSlurm(scratch(), { hostnames: '' }) });
    await expect(showHostnames('n[0-2]', env)).rejects.toMatchObject({ code: 'UNET_ALLOCATION_UNREADABLE' });
  });

  it('without Slurm on PATH says that it is missing', async () => {
    await expect(showHostnames('n0', { PATH: scratch() })).rejects.toThrow('scontrol was not found on PATH');
  });
});

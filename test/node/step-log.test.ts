import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStepLog } from '../../src/node/step-log.ts';
import { scratch } from '../process/scratch.ts';

describe('the log of a step', () => {
  it('is private, with its directory, whatever the umask', () => {
    const path = join(scratch(), 'logs', 'n0', 'join.log');
    mkdirSync(dirname(dirname(path)));
    const umask = process.umask(0o022);
    try {
      openStepLog(path, () => {}).close();
    } finally {
      process.umask(umask);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  });

  it('has each line at once, without colours and secrets', () => {
    const path = join(scratch(), 'join.log');
    const log = openStepLog(path, () => {});
    log.line('\u001b[32m--token\u001b[0m vyndqi.xb2dq6qyi3l0sxqp');
    expect(readFileSync(path, 'utf8').split('\n')[1]).toBe('--token vyndqi.[secret]');
    log.close();
  });

  it('goes on where an earlier try ended', () => {
    const path = join(scratch(), 'join.log');
    for (const text of ['first', 'second']) {
      const log = openStepLog(path, () => {});
      log.line(text);
      log.close();
      log.line('after its end');
    }
    expect(
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => !line.startsWith('#')),
    ).toEqual(['first', 'second', '']);
  });

  it('that cannot be written is said once, and stops nothing', () => {
    const directory = scratch();
    writeFileSync(join(directory, 'file'), '');
    const trouble: string[] = [];
    const log = openStepLog(join(directory, 'file', 'join.log'), (message) => trouble.push(message));
    log.line('a');
    log.line('b');
    log.close();
    expect(trouble).toHaveLength(1);
    expect(trouble[0]).toContain(log.path);
  });

  it('of a teardown does not bring back a job directory that was removed', () => {
    const directory = scratch();
    const gone = join(directory, 'job');
    openStepLog(join(gone, 'logs', 'n0', 'down.log'), () => {}).close();
    expect(existsSync(gone)).toBe(false);
  });

  it('on a full disk is said once, and stops nothing', () => {
    const trouble: string[] = [];
    const log = openStepLog('/dev/full', (message) => trouble.push(message));
    log.line('a');
    log.line('b');
    log.close();
    expect(trouble).toEqual([expect.stringContaining('ENOSPC')]);
  });
});

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { UnetEvent } from '../../src/events/types.ts';
import { controlSocket } from '../../src/job/layout.ts';
import { removeControl } from '../../src/job/remove-job.ts';
import { ALIVE_MS, type ControlRequest } from '../../src/protocol/control.ts';
import { askSupervisor } from '../../src/session/control.ts';
import { type ControlHandler, openControlServer } from '../../src/supervisor/control-server.ts';
import { acquireLock } from '../../src/supervisor/lock.ts';
import { scratch } from '../process/scratch.ts';

const STAMP = { seq: 1, time: '2026-11-20T17:11:18Z', at: 0 };

const patient = { silenceMs: 60_000 };

let directory: string;

beforeEach(() => {
  directory = scratch();
  vi.stubEnv('TMPDIR', directory);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function server(handle: ControlHandler) {
  const opened = await openControlServer('local-control-test', handle);
  onTestFinished(opened.close);
  return opened;
}

async function all(events: AsyncIterable<UnetEvent> | undefined): Promise<unknown[]> {
  const list: unknown[] = [];
  for await (const event of events ?? []) {
    list.push(event);
  }
  return list;
}

describe("the supervisor's socket", () => {
  it("is the user's alone", async () => {
    const { path } = await server(() => {});
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  });

  it('hands a request on, and events back until it is closed', async () => {
    const requests: ControlRequest[] = [];
    const { path } = await server((request, reply) => {
      requests.push(request);
      reply.send({ ...STAMP, type: 'warning', message: 'line\u2028separator ä\n' });
      reply.end();
    });
    const events = await all(await askSupervisor(path, { type: 'down', reason: 'unet down' }, patient));
    expect(requests).toEqual([{ type: 'down', reason: 'unet down' }]);
    expect(events).toEqual([{ ...STAMP, type: 'warning', message: 'line\u2028separator ä\n' }]);
  });

  it('that is silent is given up; one that has nothing to say is not', async () => {
    const hung = createServer(() => {});
    const path = join(directory, 'hung');
    await new Promise<void>((resolve) => hung.listen(path, resolve));
    onTestFinished(() => void hung.close());
    const silent = all(await askSupervisor(path, { type: 'follow' }, { silenceMs: 100 }));
    await expect(silent).rejects.toMatchObject({ code: 'UNET_SUPERVISOR_SILENT' });
    const { path: living } = await server(
      (_request, reply) => void setTimeout(() => reply.end(), 3 * ALIVE_MS),
    );
    expect(await all(await askSupervisor(living, { type: 'follow' }, { silenceMs: 100 }))).toEqual([]);
  });

  it('says what was written before it is closed', async () => {
    const opened = await openControlServer('local-control-test', (_request, reply) => {
      for (let index = 0; index < 1000; index += 1) {
        reply.send({ ...STAMP, type: 'warning', message: 'x'.repeat(100), seq: index });
      }
      void opened.close();
    });
    expect(await all(await askSupervisor(opened.path, { type: 'follow' }, patient))).toHaveLength(1000);
  });

  it('refuses what it does not know, in words', async () => {
    const { path } = await server(() => {});
    const events = await askSupervisor(path, { type: 'dance' } as unknown as ControlRequest, patient);
    await expect(all(events)).rejects.toMatchObject({
      code: 'UNET_SUPERVISOR',
      message: expect.stringContaining('another version'),
    });
  });

  it('notices that a follower is gone', async () => {
    const abort = new AbortController();
    const closed = new Promise<void>((resolve) => {
      void server((_request, reply) => reply.onClose(resolve)).then(({ path }) =>
        askSupervisor(path, { type: 'follow' }, { ...patient, signal: abort.signal }).then(() =>
          abort.abort(),
        ),
      );
    });
    await closed;
  });

  it('of a dead supervisor does not stand in the way', async () => {
    const { directory: place, path } = controlSocket('local-control-test');
    mkdirSync(place, { recursive: true, mode: 0o700 });
    writeFileSync(path, '');
    await server((_request, reply) => reply.end());
    expect(await all(await askSupervisor(path, { type: 'follow' }, patient))).toEqual([]);
  });

  it('is removed with the directories that it leaves empty', async () => {
    const { path, close } = await openControlServer('local-control-test', () => {});
    await close();
    await removeControl('local-control-test');
    expect(existsSync(dirname(dirname(dirname(path))))).toBe(false);
    expect(existsSync(directory)).toBe(true);
  });

  it('has a path that fits, however long the temporary directory is', () => {
    vi.stubEnv('TMPDIR', join(directory, 'x'.repeat(120)));
    expect(Buffer.byteLength(controlSocket('local-control-test').path)).toBeLessThanOrEqual(107);
  });
});

describe('asking', () => {
  it('where nobody listens gives nothing', async () => {
    expect(await askSupervisor(join(directory, 'none'), { type: 'follow' }, patient)).toBeUndefined();
    writeFileSync(join(directory, 'file'), '');
    expect(await askSupervisor(join(directory, 'file'), { type: 'follow' }, patient)).toBeUndefined();
  });

  it('a supervisor that is killed while it speaks gives what it had said', async () => {
    const path = join(directory, 'socket');
    const killed = createServer((socket) => {
      socket.end(`${JSON.stringify({ ...STAMP, type: 'warning', message: 'whole' })}\n{"type":"warn`);
    });
    onTestFinished(() => void killed.close());
    await new Promise<void>((resolve) => killed.listen(path, resolve));
    expect(await all(await askSupervisor(path, { type: 'follow' }, patient))).toEqual([
      { ...STAMP, type: 'warning', message: 'whole' },
    ]);
  });
});

describe('a request that never ends', () => {
  it('is cut off, and others are answered', async () => {
    const server = await openControlServer('endless', (_, reply) => {
      reply.send({ ...STAMP, type: 'warning', message: 'heard' });
      reply.end();
    });
    onTestFinished(() => server.close());
    const socket = connect(server.path);
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('x'.repeat(1024 * 1024));
    await closed;
    expect(await all(await askSupervisor(server.path, { type: 'follow' }, patient))).toHaveLength(1);
  });
});

describe('the lock of a job', () => {
  it('is for one supervisor', async () => {
    const job = `lock-${process.pid}`;
    const { signal } = new AbortController();
    onTestFinished(() => removeControl(job));
    const both = await Promise.all([acquireLock(job, 500, signal), acquireLock(job, 500, signal)]);
    expect(both.sort()).toEqual([false, true]);
    expect(await acquireLock(job, 100, signal)).toBe(false);
    onTestFinished(() => removeControl(`${job}-other`));
    expect(await acquireLock(`${job}-other`, 100, signal)).toBe(true);
  });
});

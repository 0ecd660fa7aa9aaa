import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { UnetError } from '../../src/errors.ts';
import { createFluxArchiveTransport } from '../../src/join/flux-archive.ts';
import { toWire } from '../../src/join/record.ts';
import { type Answers, calls, fakeFlux } from '../flux/fake-flux.ts';
import { program, scratch } from '../process/scratch.ts';
import { EXPECT, goodRecord, TOKEN } from './records.ts';

const never = new AbortController().signal;

function pair({ files = 'archive', ...answers }: { files?: 'archive' | 'filemap' } & Answers = {}) {
  const directory = scratch();
  const env = { FLUX_URI: 'local:///x', PATH: fakeFlux(directory, answers) };
  const [own, others] = [scratch(), scratch()];
  const refused: UnetError[] = [];
  const transport = (where: string, expected = EXPECT) =>
    createFluxArchiveTransport({
      directory: where,
      env,
      files,
      expect: expected,
      pollMs: 20,
      onRefused: (error) => refused.push(error),
    });
  return { directory, lead: transport(own), worker: transport(others), own, others, refused, transport };
}

describe.each(['archive', 'filemap'] as const)('a join record by flux %s', (files) => {
  test('gets to a worker that waits for it', async () => {
    const { lead, worker } = pair({ files });
    const waiting = worker.watch(never);
    await lead.publish(goodRecord(), never);
    expect((await waiting).token.reveal()).toBe(TOKEN);
  });

  test('gets to a worker that comes later', async () => {
    const { lead, worker } = pair({ files });
    await lead.publish(goodRecord(), never);
    expect((await worker.watch(never)).apiServer.host).toBe('u7s-n0');
  });

  test('carries job and epoch in its name, and the token is on no command line', async () => {
    const { directory, lead } = pair({ files });
    await lead.publish(goodRecord(), never);
    expect(readdirSync(join(directory, 'archives'))).toEqual(['unet-slurm-42-join-2']);
    expect(calls(directory).join('\n')).not.toContain(TOKEN);
  });

  test('is private, and leaves nothing on either disk', async () => {
    const { directory, lead, worker, own, others } = pair({ files });
    await lead.publish(goodRecord(), never);
    await worker.watch(never);
    const file = join(directory, 'archives', 'unet-slurm-42-join-2', 'record.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect([...readdirSync(own), ...readdirSync(others)]).toEqual([]);
  });

  test('is withdrawn, twice if need be, and is then waited for', async () => {
    const { directory, lead, worker } = pair({ files });
    await lead.publish(goodRecord(), never);
    await lead.withdraw();
    await lead.withdraw();
    expect(readdirSync(join(directory, 'archives'))).toEqual([]);
    const aborting = new AbortController();
    const waiting = worker.watch(aborting.signal);
    setTimeout(() => aborting.abort(new Error('enough')), 100);
    await expect(waiting).rejects.toThrow('enough');
  });

  test('of another epoch is another archive', async () => {
    const { lead, transport, others } = pair({ files });
    await lead.publish(goodRecord({ epoch: 2 }), never);
    const later = transport(others, { ...EXPECT, epoch: 3 });
    const waiting = later.watch(never);
    await transport(others, { ...EXPECT, epoch: 3 }).publish(goodRecord({ epoch: 3 }), never);
    expect((await waiting).epoch).toBe(3);
  });

  test('that is of another job under this name is refused once, and the right one is taken', async () => {
    const { lead, worker, refused } = pair({ files });
    await lead.publish(goodRecord({ jobId: 'slurm-41' }), never);
    const waiting = worker.watch(never);
    while (refused.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await lead.publish(goodRecord(), never);
    expect((await waiting).jobId).toBe('slurm-42');
    expect(refused.map(({ code }) => code)).toEqual(['UNET_JOIN_RECORD_STALE']);
  });
});

test('a record for which flux archive is refused to a guest is not waited for', async () => {
  const before = 'echo "flux-archive: KVS lookup: Operation not permitted" >&2; exit 1';
  const { worker } = pair({ before });
  await expect(worker.watch(never)).rejects.toMatchObject({ code: 'UNET_FLUX_GUEST' });
});

test('a trouble of flux that passes is said once', async () => {
  const directory = scratch();
  const before = `[ "$1 $2" = "archive extract" ] && [ ! -e ${directory}/well ] && { echo "flux-archive: KVS lookup: Connection timed out" >&2; exit 1; }`;
  const { lead, worker, refused } = pair({ before });
  const waiting = worker.watch(never);
  while (refused.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await lead.publish(goodRecord(), never);
  program(directory, 'well', '');
  expect((await waiting).epoch).toBe(2);
  expect(refused.map(({ message }) => message)).toEqual([
    'flux archive extract of unet-slurm-42-join-2 failed: flux-archive: KVS lookup: Connection timed out',
  ]);
});

test('what is written is the record and nothing else', async () => {
  const { directory, lead } = pair();
  const record = goodRecord();
  await lead.publish(record, never);
  const file = join(directory, 'archives', 'unet-slurm-42-join-2', 'record.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(toWire(record));
});

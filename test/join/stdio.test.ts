import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { UnetError } from '../../src/errors.ts';
import { type JoinRecordWire, toWire } from '../../src/join/record.ts';
import { createStdioTransport } from '../../src/join/stdio.ts';
import { EXPECT, goodRecord, TOKEN } from './records.ts';

const never = new AbortController().signal;

/** A lead and a worker, with JSON lines between them. */
function pair() {
  const refused: UnetError[] = [];
  const worker = createStdioTransport({ expect: EXPECT, onRefused: (error) => refused.push(error) });
  const send = (record: JoinRecordWire) => {
    worker.deliver(JSON.parse(JSON.stringify(record)));
    return true;
  };
  return { lead: createStdioTransport({ expect: EXPECT, send }), worker, refused };
}

describe('a join record over standard input', () => {
  test('reaches a worker that waits for it', async () => {
    const { lead, worker } = pair();
    const waiting = worker.watch(never);
    await lead.publish(goodRecord(), never);
    expect((await waiting).token.reveal()).toBe(TOKEN);
  });

  test('reaches a worker that was not yet waiting', async () => {
    const { lead, worker } = pair();
    await lead.publish(goodRecord(), never);
    expect((await worker.watch(never)).apiServer.host).toBe('u7s-n0');
  });

  test('is passed over when it is stale or broken, and the next one is taken', async () => {
    const { lead, worker, refused } = pair();
    const waiting = worker.watch(never);
    await lead.publish(goodRecord({ epoch: 1 }), never);
    worker.deliver({ nonsense: true });
    worker.deliver('not json');
    await lead.publish(goodRecord({ epoch: 3 }), never);
    expect((await waiting).epoch).toBe(3);
    expect(refused.map(({ code }) => code)).toEqual([
      'UNET_JOIN_RECORD_STALE',
      'UNET_JOIN_RECORD_INVALID',
      'UNET_JOIN_RECORD_INVALID',
    ]);
  });

  test('is an error when the agents’ input is closed', async () => {
    const lead = createStdioTransport({ expect: EXPECT, send: () => false });
    await expect(lead.publish(goodRecord(), never)).rejects.toMatchObject({ code: 'UNET_LAUNCH_FAILED' });
  });

  test('is no longer waited for when the signal says so, and nothing listens any more', async () => {
    const { worker } = pair();
    const controller = new AbortController();
    const waiting = worker.watch(controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await expect(worker.watch(controller.signal)).rejects.toThrow('enough');
  });

  test('tells the agent of each good record', () => {
    const seen: number[] = [];
    const worker = createStdioTransport({ expect: EXPECT, onRecord: ({ epoch }) => seen.push(epoch) });
    worker.deliver(toWire(goodRecord({ epoch: 5 })));
    worker.deliver(toWire(goodRecord({ epoch: 1 })));
    expect(seen).toEqual([5]);
  });
});

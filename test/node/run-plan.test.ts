import { describe, expect, it } from 'vitest';
import { UnetError } from '../../src/errors.ts';
import type { NodeContext, Step } from '../../src/node/context.ts';
import { runPlan } from '../../src/node/run-plan.ts';

const never = new AbortController().signal;

/** A context that keeps what is sent and logged: all that a plan's runner uses. */
function context() {
  const sent: string[] = [];
  const logged: string[] = [];
  const fake = {
    node: 'n1',
    send: (message: { type: string; state?: string; step?: string; error?: unknown }) =>
      sent.push(`${message.state ?? message.type} ${message.step}`),
    openLog: (step: string) => ({
      path: `/logs/${step}.log`,
      line: (text: string) => logged.push(text),
      close: () => logged.push(`closed ${step}`),
    }),
  };
  return { sent, logged, context: fake as unknown as NodeContext };
}

function step(name: Step['name'], run: (signal: AbortSignal) => Promise<void> = async () => {}): Step {
  return { name, run: (_context, _log, signal) => run(signal) };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
}

describe('a plan', () => {
  it('runs its steps in order, each reported and its log closed', async () => {
    const { sent, logged, context: c } = context();
    await runPlan([step('stage'), step('up')], c, never);
    expect(sent).toEqual(['started stage', 'done stage', 'started up', 'done up']);
    expect(logged).toEqual(['closed stage', 'closed up']);
  });

  it('ends at the first failure, which says node, step and log', async () => {
    const { sent, context: c } = context();
    const failing = step('up', async () => {
      throw new UnetError('UNET_STEP_FAILED', 'make up exited with 2');
    });
    await expect(runPlan([failing, step('boot')], c, never)).rejects.toMatchObject({
      code: 'UNET_STEP_FAILED',
      details: { node: 'n1', step: 'up', log: '/logs/up.log' },
    });
    expect(sent).toEqual(['started up', 'failed up']);
  });

  it('runs the steps of an inner list together, and a failure ends the others', async () => {
    const { sent, logged, context: c } = context();
    const failing = step('cni', async () => {
      throw new UnetError('UNET_STEP_FAILED', 'make install-flannel exited with 2');
    });
    await expect(runPlan([[step('publish', untilAborted), failing]], c, never)).rejects.toThrow(
      'make install-flannel exited with 2',
    );
    expect(sent.filter((line) => line.startsWith('failed'))).toEqual(['failed cni']);
    expect(logged).toContain('closed publish');
  });

  it('that is interrupted has not failed', async () => {
    const { sent, context: c } = context();
    const abort = new AbortController();
    const running = runPlan([step('up', untilAborted)], c, abort.signal);
    const reason = { reason: 'unet down', asked: true };
    abort.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(sent).toEqual(['started up']);
  });
});

import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { automatic, createRenderer, rendererWhenNeeded } from '../../src/events/renderer.ts';
import type { EventBody, UnetEvent } from '../../src/events/types.ts';
import { bringUp, JOIN_ERROR } from './bring-up.ts';
import { memoryStream } from './memory-stream.ts';
import { screenOf } from './screen.ts';

function event(body: EventBody, at = 3210): UnetEvent {
  return { ...body, seq: 1, time: '2025-01-01T00:00:00.000Z', at };
}

async function plain(events: readonly UnetEvent[]): Promise<string[]> {
  const stream = memoryStream();
  const renderer = await createRenderer({ output: 'plain', stream });
  events.forEach((one) => void renderer.event(one));
  await renderer.end();
  return stream.text.split('\n').slice(0, -1);
}

describe('a renderer that is made when it is needed', () => {
  it('shows what came before it was there, in order', async () => {
    const stream = memoryStream();
    const renderer = rendererWhenNeeded({ output: 'plain', stream });
    const events = bringUp({ nodes: 3 });
    events.forEach((one) => void renderer.event(one));
    await renderer.end();
    await renderer.end();
    expect(stream.text.split('\n').slice(0, -1)).toEqual(await plain(events));
  });

  it('is not made for nothing', async () => {
    const stream = memoryStream({ columns: 80, rows: 24 });
    await rendererWhenNeeded({ output: 'terminal', stream }).end();
    expect(stream.text).toBe('');
  });
});

describe('the choice of a renderer', () => {
  it('is the live list only on a terminal that somebody looks at', () => {
    const terminal = memoryStream({ columns: 80, rows: 24 });
    expect(automatic(terminal, { TERM: 'xterm' })).toBe('terminal');
    expect(automatic(terminal, { TERM: 'dumb' })).toBe('plain');
    expect(automatic(terminal, { TERM: 'xterm', CI: 'true' })).toBe('plain');
    expect(automatic(memoryStream(), { TERM: 'xterm' })).toBe('plain');
  });
});

describe('plain lines', () => {
  it('say each step of each node, with the seconds since the start', async () => {
    const lines = await plain(bringUp({ nodes: 3, retrying: ['n2'] }));
    expect(lines.slice(0, 5)).toEqual([
      '[  0.0s] bringing the cluster up',
      '[  0.0s] slurm-42: 3 nodes of slurm (n1, n2, n3), n1 leads',
      '         release rehearsal',
      '         logs in /jobs/slurm-42/logs',
      '[  0.1s] n1: stage the release',
    ]);
    expect(lines).toContain('[  9.9s] n1: kubeadm init done in 8.0 s');
    expect(lines).toContain(
      '[ 10.1s] n2: kubeadm join: attempt 1 failed, again in 1.5 s: connection refused',
    );
    expect(lines).toContain('[ 11.1s] n3: kubeadm join done in 1.1 s');
    expect(lines).toContain('[ 13.1s] n3: Ready (3/3)');
    expect(lines).toContain('[ 13.1s] the cluster is usable');
    expect(lines.at(-1)).toBe('         3 of 3 nodes ready in 13.1 s');
  });

  it('stay readable with 256 nodes: the first, each quarter and the last', async () => {
    const lines = await plain(bringUp({ nodes: 256 }));
    expect(lines.length).toBeLessThan(70);
    expect(lines.filter((line) => line.includes('kubeadm join ') && line.startsWith('['))).toEqual([
      '[ 11.1s] workers: kubeadm join 1/255, slowest n2 (1.1 s)',
      '[ 11.7s] workers: kubeadm join 64/255, slowest n65 (1.7 s)',
      '[ 12.4s] workers: kubeadm join 128/255, slowest n129 (2.4 s)',
      '[ 13.0s] workers: kubeadm join 192/255, slowest n193 (3.0 s)',
      '[ 13.7s] workers: kubeadm join 255/255, slowest n256 (3.7 s)',
    ]);
  });

  it('tell all failures, the first three of a kind in full', async () => {
    const failing = ['n3', 'n4', 'n5', 'n6', 'n7'];
    const lines = await plain(bringUp({ nodes: 64, failing }));
    for (const node of failing) {
      expect(
        lines.some((line) => line.includes(`${node}: kubeadm join failed after 1.1 s: UNET_JOIN_FAILED`)),
      ).toBe(true);
    }
    expect(lines.filter((line) => line.includes('error: token'))).toHaveLength(3);
    expect(lines.filter((line) => line.endsWith('; log: /jobs/slurm-42/logs/n3/join.log'))).toHaveLength(2);
  });

  it('show an error as a block, and only once', async () => {
    const error = { ...JOIN_ERROR, tail: [...JOIN_ERROR.tail] };
    const failed = event({ type: 'step', node: 'n3', step: 'join', state: 'failed', ms: 1100, error });
    expect(
      await plain([
        failed,
        event({ type: 'node', node: 'n3', phase: 'failed' }),
        event({ type: 'error', error }),
      ]),
    ).toEqual([
      '[  3.2s] n3: kubeadm join failed after 1.1 s: UNET_JOIN_FAILED on n3 in step join: kubeadm join exited with 1',
      '             | [preflight] Running pre-flight checks',
      '             | error: token abcdef.[secret] is not known',
      '           log: /jobs/slurm-42/logs/n3/join.log',
      '           what to do: see the log',
      '[  3.2s] UNET_JOIN_FAILED on n3 in step join: kubeadm join exited with 1 (as above)',
    ]);
  });

  it('never show a secret, and a warning in one line', async () => {
    const message = 'odd\ntoken abcdef.0123456789abcdef';
    expect(await plain([event({ type: 'warning', node: 'n2', message })])).toEqual([
      '[  3.2s] warning: n2: odd token abcdef.[secret]',
    ]);
  });
});

describe('JSON lines', () => {
  it('are the events, one each, on the stream for results', async () => {
    const stream = memoryStream();
    const resultStream = memoryStream();
    const renderer = await createRenderer({ output: 'json', stream, resultStream });
    const events = bringUp({ nodes: 2 });
    events.forEach((one) => void renderer.event(one));
    await renderer.end();
    expect(stream.text).toBe('');
    expect(
      resultStream.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(events);
  });

  it('are still JSON when a secret was in them', async () => {
    const resultStream = memoryStream();
    const renderer = await createRenderer({ output: 'json', resultStream });
    renderer.event(event({ type: 'warning', message: 'client-key-data: QUJD' }));
    expect(JSON.parse(resultStream.text)).toMatchObject({ message: 'client-key-data: [secret]' });
  });
});

describe('the live list', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** Shows the first events of a bring-up, up to `untilMs`, and one repaint. */
  async function live(events: readonly UnetEvent[], untilMs: number, size = { columns: 100, rows: 40 }) {
    const stream = memoryStream(size);
    const renderer = await createRenderer({ output: 'terminal', stream, now: () => 0 });
    events.filter(({ at }) => at <= untilMs).forEach((one) => void renderer.event(one));
    // listr2 starts its tasks in a chain of promises, which a turn of the event loop drains.
    await setImmediate();
    vi.advanceTimersByTime(100);
    return { stream, renderer };
  }

  const anyMark = (lines: readonly string[]) => lines.map((line) => line.replace(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/, '*'));

  it('has the lead with its steps, and all workers in one line', async () => {
    const { stream, renderer } = await live(bringUp({ nodes: 32 }), 11_200);
    expect(anyMark(screenOf(stream.text).lines)).toEqual([
      '* control plane on n1 (bringing up, 11.2 s)',
      '  ✔ stage the release (0.2 s)',
      '  ✔ start the node (1.0 s)',
      '  ✔ wait for containerd (0.6 s)',
      '  ✔ kubeadm init (8.0 s)',
      '  ✔ publish the join record (0.1 s)',
      '* workers: kubeadm join 10/31, slowest n12 (kubeadm join, 1.2 s)',
      '* ready 0/32 (11.2 s)',
    ]);
    await renderer.end();
  });

  it('is as high with 256 nodes as with 4', async () => {
    const heights = [];
    for (const nodes of [4, 256]) {
      const { stream, renderer } = await live(bringUp({ nodes, failing: ['n3'] }), 11_500);
      heights.push(screenOf(stream.text).lines.length);
      await renderer.end();
    }
    expect(heights).toEqual([9, 9]);
  });

  it('ends with what has come out: the list, each error in full, the times; and the cursor is there again', async () => {
    const events = bringUp({ nodes: 4, failing: ['n3'] });
    const { stream, renderer } = await live(events, Number.POSITIVE_INFINITY);
    expect(screenOf(stream.text).cursorShown).toBe(false);
    await renderer.end();
    const { lines, cursorShown } = screenOf(stream.text);
    expect(cursorShown).toBe(true);
    expect(lines[0]).toBe('✔ control plane on n1 (degraded, 13.1 s)');
    expect(lines.slice(6, 14)).toEqual([
      '✖ workers: kubeadm join 2/3, 1 failed',
      '✖ ready 3/4',
      '✖ failed: n3 (join UNET_JOIN_FAILED)',
      'UNET_JOIN_FAILED on n3 in step join: kubeadm join exited with 1',
      '    | [preflight] Running pre-flight checks',
      '    | error: token abcdef.[secret] is not known',
      '  log: /jobs/slurm-42/logs/n3/join.log',
      '  what to do: see the log',
    ]);
    expect(lines.slice(-2)).toEqual(['3 of 4 nodes ready in 13.1 s', 'missing: n3']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can be ended in the middle, and leaves signals to others', async () => {
    const before = process.eventNames().filter((name) => String(name).startsWith('SIG'));
    const { stream, renderer } = await live(bringUp({ nodes: 4 }), 1900);
    expect(process.eventNames().filter((name) => String(name).startsWith('SIG'))).toEqual(before);
    await renderer.end();
    const { lines, cursorShown } = screenOf(stream.text);
    expect(cursorShown).toBe(true);
    expect(lines).toContain('  ◼ kubeadm init (0.0 s)');
    expect(process.listenerCount('exit')).toBe(0);
  });

  it('fits a narrow terminal, also when it becomes so', async () => {
    const events = bringUp({ nodes: 32 });
    const { stream, renderer } = await live(events, 5000, { columns: 40, rows: 24 });
    expect(Math.max(...screenOf(stream.text).lines.map((line) => line.length))).toBeLessThan(40);
    stream.columns = 20;
    stream.text = '';
    vi.advanceTimersByTime(100);
    // Lines of up to 39 columns have become two rows of 20 each.
    expect(stream.text.split('\u001b[1A').length - 1).toBeGreaterThan(screenOf(stream.text).lines.length);
    expect(Math.max(...screenOf(stream.text).lines.map((line) => line.length))).toBeLessThan(20);
    await renderer.end();
  });

  it('does not draw more lines than the terminal has', async () => {
    const { stream, renderer } = await live(bringUp({ nodes: 32 }), 11_200, { columns: 100, rows: 5 });
    expect(screenOf(stream.text).lines).toHaveLength(4);
    await renderer.end();
  });

  it('shows a teardown', async () => {
    const going: UnetEvent[] = [
      ...bringUp({ nodes: 2 }),
      event({ type: 'cluster', phase: 'stopping' }, 14_000),
      event({ type: 'node', node: 'n2', phase: 'removed' }, 15_000),
    ];
    const { stream, renderer } = await live(going, 15_000);
    expect(anyMark(screenOf(stream.text).lines).at(-1)).toBe('* torn down 1/2');
    renderer.event(event({ type: 'node', node: 'n1', phase: 'removed' }, 16_000));
    renderer.event(event({ type: 'cluster', phase: 'stopped' }, 16_000));
    await renderer.end();
    const { lines } = screenOf(stream.text);
    expect(lines[0]).toBe('✔ control plane on n1 (stopped, 16.0 s)');
    expect(lines).toContain('✔ torn down 2/2');
  });

  it('says everything once when it is ended twice', async () => {
    const { stream, renderer } = await live(bringUp({ nodes: 4, failing: ['n3'] }), Number.POSITIVE_INFINITY);
    await Promise.all([renderer.end(), renderer.end()]);
    await renderer.end();
    expect(stream.text.split('what to do:')).toHaveLength(2);
  });

  it('ends without a word when nothing happened', async () => {
    const stream = memoryStream({ columns: 80, rows: 24 });
    await (await createRenderer({ output: 'terminal', stream, now: () => 0 })).end();
    expect(stream.text).toBe('');
  });
});

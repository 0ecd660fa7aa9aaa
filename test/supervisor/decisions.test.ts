import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Settings } from '../../src/config/schema.ts';
import type { ClusterPhase } from '../../src/events/types.ts';
import { jobSpec } from '../../src/launch/job-spec.ts';
import type { FromAgent } from '../../src/protocol/from-agent.ts';
import { PROTOCOL } from '../../src/protocol/version.ts';
import { withoutScheduler } from '../../src/scheduler/none.ts';
import { createDecisions } from '../../src/supervisor/decisions.ts';
import type { Effect, Input } from '../../src/supervisor/effects.ts';
import { mayFollow } from '../../src/supervisor/phases.ts';

const NODES = ['n0', 'n1', 'n2'] as const;

/** The decisions of a job with three nodes, and all that they wanted done. */
function job(more: Record<string, unknown> = {}) {
  const settings = Settings.parse({ release: 'rehearsal', minNodes: '2', ...more });
  const allocation = { kind: 'fake', jobId: 'fake-1', nodes: [...NODES] };
  const scheduler = withoutScheduler({});
  const request = { allocation, settings, jobDir: '/job', unet: '0' };
  const decisions = createDecisions({
    options: request,
    scheduler,
    spec: jobSpec(request, scheduler, { epoch: 1, nodes: NODES, nonce: 'x' }),
    epoch: 1,
    logs: '/job/logs',
    packArchitecture: () => undefined,
    launcher: { remedy: 'none', diagnostics: () => [] },
  });
  const effects: Effect[] = [];
  let now = 0;
  const put = (input: Input) => {
    now += 10;
    const wanted = decisions.decide(input, now);
    effects.push(...wanted);
    return wanted;
  };
  return { decisions, effects, put };
}

const hello = (node: string, slot = 0): Input =>
  message({
    type: 'hello',
    node,
    protocol: PROTOCOL,
    unet: '0',
    host: node,
    pid: 1,
    nodeDir: '/tmp/unet-1',
    seesJobDir: true,
    slot,
    address: '10.0.0.1',
  });
const message = (from: FromAgent): Input => ({ type: 'message', message: from });
const claimed = (node: string): Input => message({ type: 'claimed', node, round: 1, slot: 3 });
const lost = (node: string): Input => ({
  type: 'agents-ended',
  nodes: [node],
  reason: 'was ended by SIGKILL',
  fate: undefined,
});
const joined = (node: string): Input =>
  message({ type: 'step', state: 'done', node, step: node === 'n0' ? 'init' : 'join', ms: 1 });
const ready = (node: string): Input =>
  message({ type: 'kube-node', node: 'n0', name: `u7s-${node}`, ready: true, message: '' });
const dns: Input = message({ type: 'dns', node: 'n0' });
const bye = (node: string): Input =>
  message({ type: 'bye', node, clean: true, reason: 'told to', bySignal: false });

function phasesOf(effects: readonly Effect[]): ClusterPhase[] {
  return ['starting', ...effects.flatMap((effect) => (effect.do === 'enter' ? [effect.phase] : []))];
}

/** Any order of several lists that keeps the order within each. */
function interleavings(lists: readonly (readonly Input[])[]): fc.Arbitrary<Input[]> {
  const turns = lists.flatMap((list, index) => list.map(() => index));
  return fc.shuffledSubarray(turns, { minLength: turns.length }).map((order) => {
    const rest = lists.map((list) => [...list]);
    return order.flatMap((index) => rest[index]?.shift() ?? []);
  });
}

/** What an agent may do, cut off at any place by its end. */
const life = (node: string): fc.Arbitrary<Input[]> =>
  fc
    .record({
      acts: fc.integer({ min: 0, max: 4 }),
      dies: fc.boolean(),
      slot: fc.integer({ min: 0, max: 3 }),
    })
    .map(({ acts, dies, slot }) => [
      ...[hello(node, slot), claimed(node), joined(node), ready(node)].slice(0, acts),
      ...(dies ? [lost(node)] : []),
    ]);

describe('every order of hello, claim, join, loss and stop', () => {
  it('goes through legal phases, and ends with one teardown after which nothing is started', () => {
    fc.assert(
      fc.property(
        fc
          .tuple(life('n0'), life('n1'), life('n2'), fc.boolean(), fc.boolean())
          .chain(([a, b, c, stops, answers]) =>
            interleavings([
              a,
              b,
              c,
              answers ? [dns] : [],
              stops ? [{ type: 'stop', reason: 'told to' }] : [],
            ]),
          ),
        (inputs) => {
          const { decisions, effects, put } = job();
          put({ type: 'start' });
          put({ type: 'prepared' });
          inputs.forEach(put);
          put({ type: 'stop', reason: 'the end' });
          const atStop = effects.length;
          NODES.forEach((node) => void put(bye(node)));
          NODES.forEach((node) => void put(lost(node)));
          put({ type: 'gone', reason: 'the end' });
          const phases = phasesOf(effects);
          for (const [index, phase] of phases.slice(1).entries()) {
            expect(mayFollow(phases[index] ?? 'stopped', phase), phases.join(' ')).toBe(true);
          }
          expect(decisions.phase()).toBe('stopped');
          expect(effects.filter((effect) => effect.do === 'tear-down')).toHaveLength(1);
          const stopAt = effects.findIndex((effect) => effect.do === 'enter' && effect.phase === 'stopping');
          const later = effects.slice(stopAt);
          expect(later.some((effect) => ['launch', 'clean', 'clean-for-retry'].includes(effect.do))).toBe(
            false,
          );
          expect(effects.slice(atStop).some((effect) => effect.do === 'send')).toBe(false);
          // Each agent has said that its node is clean, also one that was taken for lost.
          expect([...decisions.roster.values()].every(({ clean }) => clean)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is usable with every node, when all of them come and none is lost', () => {
    fc.assert(
      fc.property(interleavings(NODES.map((node) => [hello(node), joined(node), ready(node)])), (inputs) => {
        const { decisions, put } = job();
        put({ type: 'start' });
        put({ type: 'prepared' });
        inputs.forEach(put);
        put(dns);
        expect(decisions.phase()).toBe('usable');
        expect([...decisions.roster.values()].map(({ phase }) => phase)).toEqual(['ready', 'ready', 'ready']);
      }),
    );
  });

  it('assigns one slot of ports to all, in whatever order they claim it', () => {
    fc.assert(
      fc.property(
        fc
          .array(fc.integer({ min: 0, max: 5 }), { minLength: 3, maxLength: 3 })
          .chain((slots) =>
            fc.shuffledSubarray([0, 1, 2], { minLength: 3 }).map((order) => ({ slots, order })),
          ),
        ({ slots, order }) => {
          const { decisions, effects, put } = job();
          put({ type: 'start' });
          put({ type: 'prepared' });
          order.forEach((at) => void put(hello(NODES[at] ?? '', slots[at])));
          const [first] = effects.filter((effect) => effect.do === 'send' && effect.message.type === 'claim');
          if (first?.do === 'send' && first.message.type === 'claim') {
            const { slot, round } = first.message;
            order.forEach((at) => void put(message({ type: 'claimed', node: NODES[at] ?? '', round, slot })));
          }
          const held = [...decisions.roster.values()].map(({ slot }) => slot);
          expect(new Set(held)).toEqual(new Set([Math.max(...slots)]));
        },
      ),
    );
  });
});

describe('a stop', () => {
  it('before the start is not undone by it, or by a failure of it', () => {
    const { decisions, effects, put } = job();
    put({ type: 'stop', reason: 'told to' });
    put({ type: 'start' });
    put({ type: 'prepared' });
    put({ type: 'fail', error: Object.assign(new Error('x'), { toRecord: () => ({}) }) as never });
    put({ type: 'resume', settings: {} });
    expect(decisions.phase()).toBe('stopping');
    expect(phasesOf(effects)).toEqual(['starting', 'stopping']);
    expect(effects.some((effect) => effect.do === 'launch')).toBe(false);
  });
});

describe('a silence', () => {
  it('of an agent is its loss; that of this process is not', () => {
    const { decisions, put } = job();
    const { heartbeat, silence } = Settings.parse({});
    put({ type: 'start' });
    put({ type: 'prepared' });
    NODES.forEach((node) => void put(hello(node)));
    const phase = () => decisions.roster.get('n1')?.phase;
    let now = 1000;
    decisions.decide({ type: 'tick' }, now);
    // Stopped for an hour: the agents' messages have had no reader.
    now += 3_600_000;
    decisions.decide({ type: 'tick' }, now);
    expect(phase()).toBe('working');
    NODES.forEach((node) => void decisions.decide(message({ type: 'beat', node }), now));
    for (let waited = 0; waited <= silence; waited += heartbeat) {
      now += heartbeat;
      for (const node of ['n0', 'n2']) {
        decisions.decide(message({ type: 'beat', node }), now);
      }
      decisions.decide({ type: 'tick' }, now);
    }
    expect(phase()).toBe('lost');
  });
});

describe('a cluster that is up', () => {
  function usable(more: Record<string, unknown> = {}) {
    const one = job(more);
    one.put({ type: 'start' });
    one.put({ type: 'prepared' });
    NODES.forEach((node) => void one.put(hello(node)));
    NODES.forEach((node) => void one.put(joined(node)));
    NODES.forEach((node) => void one.put(ready(node)));
    one.put(dns);
    expect(one.decisions.phase()).toBe('usable');
    return one;
  }
  const notReady = (node: string): Input =>
    message({
      type: 'kube-node',
      node: 'n0',
      name: `u7s-${node}`,
      ready: false,
      message: 'kubelet is silent',
    });

  it('is degraded while fewer nodes are Ready than are wanted, and says which', () => {
    const { decisions, put } = usable({ minNodes: '3' });
    const effects = put(notReady('n2'));
    expect(decisions.phase()).toBe('degraded');
    expect(effects).toContainEqual(
      expect.objectContaining({
        do: 'emit',
        event: expect.objectContaining({
          type: 'error',
          error: expect.objectContaining({
            code: 'UNET_NODES_MISSING',
            message: '2 of 3 wanted nodes are Ready; missing: n2 (not Ready: kubelet is silent)',
          }),
        }),
      }),
    );
    expect(decisions.trouble()?.code).toBe('UNET_NODES_MISSING');
    put(ready('n2'));
    expect(decisions.phase()).toBe('usable');
    expect(decisions.trouble()).toBeUndefined();
  });

  it('stays usable while enough are Ready', () => {
    const { decisions, put } = usable();
    put(notReady('n2'));
    expect(decisions.phase()).toBe('usable');
    put(notReady('n1'));
    expect(decisions.phase()).toBe('degraded');
  });

  it('is degraded while its API server is silent', () => {
    const { decisions, put } = usable();
    put(message({ type: 'api', node: 'n0', answers: false, message: 'connect ECONNREFUSED' }));
    expect(decisions.trouble()).toMatchObject({
      code: 'UNET_API_SILENT',
      message: 'the API server on n0 has not answered for 30 s: connect ECONNREFUSED',
    });
    put(message({ type: 'api', node: 'n0', answers: true, message: '' }));
    expect(decisions.phase()).toBe('usable');
  });

  it('is not called usable while its API server is silent', () => {
    const one = job();
    one.put({ type: 'start' });
    one.put({ type: 'prepared' });
    NODES.forEach((node) => void one.put(hello(node)));
    NODES.forEach((node) => void one.put(joined(node)));
    one.put(message({ type: 'api', node: 'n0', answers: false, message: 'no answer' }));
    NODES.forEach((node) => void one.put(ready(node)));
    one.put(dns);
    expect(one.decisions.phase()).toBe('bringing-up');
    one.put(message({ type: 'api', node: 'n0', answers: true, message: '' }));
    expect(one.decisions.phase()).toBe('usable');
  });

  it('is lost with the container of the lead, and one worker less with another', () => {
    const ended = (node: string): Input =>
      message({
        type: 'container-ended',
        node,
        error: { code: 'UNET_NODE_NOT_RUNNING', message: 'Exited (137)' },
      });
    const { decisions, effects, put } = usable({ minNodes: '3' });
    put(ended('n1'));
    expect(decisions.phase()).toBe('degraded');
    expect(decisions.roster.get('n1')?.phase).toBe('failed');
    put(ended('n0'));
    expect(phasesOf(effects).slice(-2)).toEqual(['failed', 'stopping']);
    expect(decisions.error()?.code).toBe('UNET_LEAD_LOST');
  });
});

describe('before anything is started', () => {
  const located = (node: string, address: string): Input => message({ type: 'located', node, address });
  const probed = (node: string, key: string, unanswered: string[] = []): Input =>
    message({ type: 'probed', node, round: key, unanswered });

  /** Up to the probe of all nodes. */
  function located3(more: Record<string, unknown> = {}) {
    const one = job(more);
    one.put({ type: 'start' });
    one.put({ type: 'prepared' });
    NODES.forEach((node) => void one.put(hello(node)));
    NODES.forEach((node, at) => void one.put(located(node, `10.0.0.${at + 1}`)));
    const sent = sentBy(one.effects);
    const probe = sent.find((to) => to.type === 'probe');
    return { ...one, key: probe?.type === 'probe' ? probe.key : '', sent: () => sentBy(one.effects) };
  }
  const sentBy = (effects: readonly Effect[]) =>
    effects.flatMap((effect) => (effect.do === 'send' ? [effect.message] : []));

  it('the nodes say their addresses, ask each other, and only then are told to begin', () => {
    const { put, key, sent } = located3();
    expect(sent().map(({ type }) => type)).not.toContain('assign');
    NODES.forEach((node) => void put(probed(node, key)));
    const assigned = sent().findLast(({ type }) => type === 'assign');
    expect(Object.keys(assigned?.type === 'assign' ? assigned.nodes : {})).toEqual([...NODES]);
  });

  it('a node that the others do not reach is left out, and is no reason to try again', () => {
    const { put, key, sent, decisions } = located3();
    put(probed('n0', key, ['n2']));
    put(probed('n1', key));
    put(probed('n2', key));
    expect(decisions.roster.get('n2')).toMatchObject({ phase: 'failed', assigned: false });
    const assigned = sent().findLast(({ type }) => type === 'assign');
    expect(Object.keys(assigned?.type === 'assign' ? assigned.nodes : {})).toEqual(['n0', 'n1']);
    for (const node of ['n0', 'n1']) {
      put(joined(node));
      put(ready(node));
    }
    put(dns);
    put({ type: 'resume', settings: {} });
    expect(decisions.phase()).toBe('usable');
  });

  it('all is refused where too few nodes reach each other, exit 3', () => {
    const { put, key, decisions, effects } = located3({ minNodes: '3' });
    put(probed('n0', key, ['n1', 'n2']));
    put(probed('n1', key));
    put(probed('n2', key));
    expect(decisions.error()).toMatchObject({ code: 'UNET_NODE_UNREACHABLE', exitCode: 3, node: 'n1' });
    expect(decisions.error()?.tail).toEqual([
      expect.stringContaining('between n2 (10.0.0.3) and n0 (10.0.0.1)'),
    ]);
    expect(phasesOf(effects).slice(-2)).toEqual(['failed', 'stopping']);
  });

  it('two nodes with one address are said', () => {
    const { put, decisions } = job({ minNodes: '3' });
    put({ type: 'start' });
    put({ type: 'prepared' });
    NODES.forEach((node) => void put(hello(node)));
    NODES.forEach((node) => void put(located(node, node === 'n0' ? '10.0.0.1' : '192.168.122.1')));
    expect(decisions.error()).toMatchObject({
      code: 'UNET_ADDRESS_UNKNOWN',
      message: 'n2 and n1 both have the address 192.168.122.1',
    });
  });

  it('a clock that differs is said, and named by a join that fails', () => {
    const { put, decisions, effects } = job();
    put({ type: 'start' });
    put({ type: 'prepared' });
    const clock = Date.parse('2026-01-01T12:00:00Z');
    for (const node of NODES) {
      const greeting = hello(node);
      if (greeting.type === 'message' && greeting.message.type === 'hello') {
        greeting.message.clock = clock + (node === 'n2' ? 7_200_000 : 200);
        put({ ...greeting, clock });
      }
    }
    const warnings = effects.flatMap((effect) =>
      effect.do === 'emit' && effect.event.type === 'warning' ? [effect.event.message] : [],
    );
    expect(warnings).toEqual([expect.stringContaining('the clock of n2 is 2h 00m ahead of that of n0')]);
    const error = { code: 'UNET_JOIN_FAILED', message: 'certificate is not yet valid', node: 'n2' } as const;
    put(message({ type: 'step', state: 'failed', node: 'n2', step: 'join', ms: 1, error }));
    expect(decisions.roster.get('n2')?.error?.message).toBe(
      'certificate is not yet valid; the clock of n2 is 2h 00m ahead of that of n0',
    );
  });
});

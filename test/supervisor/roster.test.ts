import { describe, expect, it } from 'vitest';
import { UnetError } from '../../src/errors.ts';
import { assignmentOf, createRoster, type NodeEntry } from '../../src/supervisor/roster.ts';
import { describePending, judge } from '../../src/supervisor/verdict.ts';

function rosterOf(phases: Record<string, NodeEntry['phase']>) {
  const roster = createRoster(Object.keys(phases));
  for (const [name, phase] of Object.entries(phases)) {
    Object.assign(roster.get(name) ?? {}, { phase });
  }
  return roster;
}

describe('the identity of the nodes', () => {
  it('has names for Kubernetes: lower case, of 63 characters at most, each once', () => {
    const long = `${'x'.repeat(70)}`;
    const hosts = [
      'N0',
      'n0',
      'rack_1',
      `${long}a`,
      `${long}b`,
      'node.cluster.example.org',
      `${'y'.repeat(58)}.-.z`,
    ];
    const names = [...createRoster(hosts).values()].map(({ nodeName }) => nodeName);
    expect(new Set(names).size).toBe(hosts.length);
    expect(names[0]).toBe('u7s-n0');
    for (const name of names) {
      // RFC 1123 as Kubernetes checks it, and the label's limit.
      expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
      expect(name.length).toBeLessThanOrEqual(63);
    }
  });

  it('has a subnet for each node and slot, none of them in the pod network', () => {
    const subnets = new Set<string>();
    for (const slot of [0, 1, 63]) {
      for (const entry of createRoster(Array.from({ length: 256 }, (_, index) => `n${index}`)).values()) {
        const { subnet } = assignmentOf({ ...entry, slot }) ?? { subnet: '' };
        expect(subnet).toMatch(/^10\.1\d\d\.\d{1,3}\.0\/24$/);
        subnets.add(subnet);
      }
    }
    expect(subnets.size).toBe(3 * 256);
  });

  it('is none before the ports are agreed on', () => {
    const [entry] = createRoster(['n0']).values();
    expect(entry && assignmentOf(entry)).toBeUndefined();
  });

  it('makes the first node the lead', () => {
    expect([...createRoster(['n3', 'n1']).values()].map(({ name, role }) => `${name} ${role}`)).toEqual([
      'n3 lead',
      'n1 worker',
    ]);
  });
});

describe('a bring-up', () => {
  it('is undecided while somebody can still come, also when there are enough', () => {
    expect(judge(rosterOf({ n0: 'ready', n1: 'ready', n2: 'working' }), 1, true).is).toBe('pending');
    expect(judge(rosterOf({ n0: 'ready', n1: 'joined' }), 1, true).is).toBe('pending');
  });

  it('is undecided until DNS answers and the lead is Ready', () => {
    expect(judge(rosterOf({ n0: 'ready', n1: 'ready' }), 2, false).is).toBe('pending');
    expect(judge(rosterOf({ n0: 'joined', n1: 'ready' }), 1, true).is).toBe('pending');
  });

  it('is usable when all are Ready, or enough and the others given up', () => {
    expect(judge(rosterOf({ n0: 'ready', n1: 'ready' }), 2, true).is).toBe('usable');
    const verdict = judge(rosterOf({ n0: 'ready', n1: 'ready', n2: 'failed', n3: 'missing' }), 2, true);
    expect(verdict).toMatchObject({ is: 'usable', missing: [{ name: 'n2' }, { name: 'n3' }] });
  });

  it('with too few is degraded, exit 5, and names who is missing and why', () => {
    const roster = rosterOf({ n0: 'ready', n1: 'failed', n2: 'lost' });
    Object.assign(roster.get('n1') ?? {}, {
      error: new UnetError('UNET_JOIN_FAILED', 'x', { log: '/logs/join.log' }).toRecord(),
    });
    const verdict = judge(roster, 3, true);
    expect(verdict).toMatchObject({
      is: 'degraded',
      error: {
        code: 'UNET_NODES_MISSING',
        exitCode: 5,
        message: '1 of 3 wanted nodes are Ready; missing: n1 (UNET_JOIN_FAILED), n2',
      },
    });
  });

  it('that takes too long says what it waits for', () => {
    const roster = rosterOf({ n0: 'ready', n1: 'waiting', n2: 'joined', n3: 'working' });
    Object.assign(roster.get('n2') ?? {}, { kubeMessage: 'cni plugin not initialized' });
    roster.get('n3')?.steps.add('join');
    expect(describePending(roster, true)).toBe(
      'n1 (no message from its agent), n2 (joined, not Ready: cni plugin not initialized), n3 (join)',
    );
    expect(describePending(rosterOf({ n0: 'ready' }), false)).toBe('DNS of the cluster');
    const many = rosterOf(
      Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`n${index}`, 'waiting' as const])),
    );
    expect(describePending(many, true)).toContain('and 12 more');
  });
});

import { describe, expect, it } from 'vitest';
import { unreachable } from '../../src/supervisor/unreachable.ts';

const NODES = ['n0', 'n1', 'n2', 'n3'];
const addresses = new Map(NODES.map((name, at) => [name, `10.0.0.${at + 1}`]));
const ports = { flannel: 8472, apiServer: 6443 };

/** @param misses who does not hear whom. */
function found(misses: Record<string, string[]>, lead: Record<string, string> = {}) {
  const answers = new Map(
    NODES.map((name) => [name, { unanswered: misses[name] ?? [], ...(lead[name] && { lead: lead[name] }) }]),
  );
  return unreachable({ lead: 'n0', nodes: NODES, addresses, answers, ports });
}

describe('a node that the proof leaves out', () => {
  it('is none where all have answered', () => {
    expect([...found({})]).toEqual([]);
  });

  it('is a worker without UDP to or from the lead, with both addresses', () => {
    const refused = found({ n0: ['n2'] });
    expect([...refused.keys()]).toEqual(['n2']);
    expect(refused.get('n2')).toMatchObject({
      code: 'UNET_NODE_UNREACHABLE',
      exitCode: 3,
      message:
        'UDP port 8472 is not answered between n2 (10.0.0.3) and n0 (10.0.0.1): their pods would not reach each other',
    });
  });

  it('is a worker that does not reach the API server’s port', () => {
    expect(found({}, { n3: 'connect EHOSTUNREACH' }).get('n3')?.message).toBe(
      'n3 (10.0.0.4) does not reach TCP port 6443 of the lead, n0 (10.0.0.1): connect EHOSTUNREACH',
    );
  });

  it('is, of workers that do not reach each other, the one that misses most', () => {
    expect([...found({ n1: ['n2'], n2: ['n1', 'n3'] }).keys()]).toEqual(['n2']);
    // Of two alike the later one.
    expect([...found({ n1: ['n3'] }).keys()]).toEqual(['n3']);
  });
});

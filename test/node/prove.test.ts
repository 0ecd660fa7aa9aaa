import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Proof, startProof } from '../../src/node/prove.ts';

// Each node at a loopback address of its own, all on the same ports: as on hosts.
const PORT = 21_000 + (process.pid % 1000) * 2;
const ports = { etcd: 1, kubelet: 2, flannel: PORT, apiServer: PORT + 1 };

async function prove(
  node: string,
  peers: Record<string, string>,
  key: string,
  limitMs?: number,
): Promise<Proof> {
  const proof = await startProof(node, { type: 'probe', key, lead: 'n0', ports, peers }, limitMs);
  onTestFinished(() => proof.close());
  return proof;
}

describe('a node that proves its network', () => {
  it('has an answer of the lead by TCP, and by UDP of itself alone where no other is', async () => {
    const key = randomUUID();
    const peers = { n0: '127.0.0.1', n1: '127.0.0.9' };
    const lead = await prove('n0', peers, key, 500);
    expect(await lead.result).toEqual({ unanswered: ['n1'] });
  });

  it('says why the lead is not reached, and that it has another cluster’s key', async () => {
    const lead = await prove('n0', { n0: '127.0.0.1' }, 'one', 300);
    await lead.result;
    const other = await prove('n1', { n0: '127.0.0.1' }, 'another', 300);
    // Its own datagram port is taken here: nothing answers, which is said.
    expect(await other.result).toEqual({ unanswered: ['n0'], lead: 'something else answers there' });
    await lead.close();
    const late = await prove('n1', { n0: '127.0.0.1' }, 'one', 300);
    expect((await late.result).lead).toContain('ECONNREFUSED');
  });
});

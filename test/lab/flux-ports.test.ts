import { describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable, inInstance, NOTHING, UNET } from './flux-instance.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

type Status = { jobId: string; nodes: { phase: string; ports: Record<string, number> }[] };

function statuses(output: string): Status[] {
  return [...output.matchAll(/^(\{"jobId".*\})$/gm)].map(([, json = '']) => JSON.parse(json) as Status);
}

describe.skipIf(fluxUnavailable() !== undefined)('several clusters in a real Flux', () => {
  it('that start at once in one instance have names, ports and ends of their own', async () => {
    const { output, left, exitCode } = await inInstance(`for name in red green blue; do
        UNET_NAME=$name unet up > up-$name 2>&1 &
      done; wait
      for name in red green blue; do grep -h -m1 -E 'usable|error' up-$name; unet status --name $name --json; unet attr --name $name ports; done
      flux kvs ls -1 unet | sed 's/^/record: /'
      unet down --name green
      for name in red green blue; do UNET_NAME=$name unet kubectl get nodes -o name 2>&1 | grep -c node/; done
      unet status || echo "status without a name exits with $?"
      unet down --name red; unet down --name blue; rm up-*; flux kvs ls unet; true`);
    const clusters = statuses(output);
    expect(clusters.map(({ jobId }) => jobId)).toEqual([
      expect.stringMatching(/^flux-[0-9a-f]{8}-red$/),
      expect.stringMatching(/^flux-[0-9a-f]{8}-green$/),
      expect.stringMatching(/^flux-[0-9a-f]{8}-blue$/),
    ]);
    const nodes = clusters.flatMap((cluster) => cluster.nodes);
    expect(nodes.map(({ phase }) => phase)).toEqual(Array(9).fill('ready'));
    const ports = nodes.flatMap((node) => Object.values(node.ports));
    expect(ports).toHaveLength(9 * 4);
    expect(new Set(ports).size).toBe(9 * 4);
    const lead = clusters.map((cluster) => cluster.nodes[0]?.ports);
    expect(output.match(/^etcd=.*$/gm)).toEqual(
      lead.map(
        (of) => `etcd=${of?.etcd} kubelet=${of?.kubelet} flannel=${of?.flannel} api-server=${of?.apiServer}`,
      ),
    );
    expect(output.match(/^record: /gm)).toHaveLength(3);
    expect(output.match(/^[03]$/gm)).toEqual(['3', '0', '3']);
    expect(output).toContain('status without a name exits with 1');
    expect(exitCode).toBe(0);
    expect(left).toEqual(NOTHING);
  });

  it('that are forgotten by the script are all taken away at its end', async () => {
    const { output, left } = await inInstance(
      `for name in red blue; do UNET_NAME=$name node ${UNET} up > /dev/null 2>&1 & done; wait; flux kvs ls -1 unet | wc -l`,
    );
    expect(output).toMatch(/^2$/m);
    expect(output).not.toContain('could not be cleaned');
    expect(left).toEqual(NOTHING);
  });

  it('in three sibling instances at once never share a port', async () => {
    const { output, left, exitCode } = await inInstance(
      `cat > batch <<'END'
#!/bin/bash
export UNET_RELEASE=rehearsal
node ${UNET} run -- sh -c 'node ${UNET} status --json; touch run-$UNET_JOB_ID; until [ $(ls run-* | wc -l) = 3 ]; do sleep 0.1; done; kubectl get nodes -o name'
END
      for i in 1 2 3; do flux batch -N2 -n2 -c1 -o cpu-affinity=off --output=out-$i --flags=waitable batch > /dev/null; done
      flux job wait --all; code=$?; cat out-*; rm -f out-* run-* batch; exit $code`,
      { size: 6 },
    );
    const ports = statuses(output).flatMap(({ nodes }) => nodes.flatMap((node) => Object.values(node.ports)));
    expect(ports).toHaveLength(3 * 2 * 4);
    expect(new Set(ports).size).toBe(3 * 2 * 4);
    expect(exitCode).toBe(0);
    expect(left).toEqual(NOTHING);
  });
});

import { describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable, inInstance, NOTHING, privateDirectories, UNET } from './flux-instance.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

describe.skipIf(fluxUnavailable() !== undefined)('the cluster’s state in a real Flux', () => {
  describe.skipIf(process.getuid?.() !== 0)('with no shared job directory', () => {
    const inPrivate = (text: string) =>
      inInstance(
        `export UNET_JOB_DIR=$(dirname $HOME)/private
        on() { flux exec -r $1 --dir $HOME bash -c "unset KUBECONFIG; unet() { node ${UNET} \\"\\$@\\"; }; $2" 2>&1; }
        ${text}`,
        { wrap: privateDirectories },
      );

    it('is found from every node, with a kubeconfig of its own there, and down works from there', async () => {
      const { output, exitCode, left } = await inPrivate(`unet up
        flux kvs ls -1 unet | sed 's/^/record: /'
        flux kvs get unet.$(unet attr job-id) > kept-record
        on 1 'eval "$(unet env)"; echo "there: $KUBECONFIG"; stat -c "%a %u" $KUBECONFIG $(dirname $KUBECONFIG); kubectl get nodes -o name
          unet attr phase; unet attr ports; ls -A $UNET_JOB_DIR'
        on 2 'unet status; unet up; echo "up exits with $?"'
        on 2 'unet down; echo "down exits with $?"'
        echo "then: $(flux kvs ls -1 unet 2>/dev/null)$(flux kvs ls -1 archive 2>/dev/null)."
        unet status || echo "status exits with $?"
        cat kept-record; rm kept-record`);
      expect(output).toMatch(/^record: flux-[0-9a-f]{8}$/m);
      expect(output).toMatch(/^there: \S+\/tmp\/unet-0\/flux-\S+-1\/kubeconfig$/m);
      expect(output).toMatch(/^600 0\n700 0$/m);
      expect(output).toMatch(/^node\/u7s-\S+-2$/m);
      expect(output).toMatch(/^usable\netcd=\d+ kubelet=\d+ flannel=\d+ api-server=\d+$/m);
      expect(output).toMatch(/-2 {2}worker {2}ready/);
      expect(output).toContain('up exits with 0');
      expect(output).toContain('down exits with 0');
      expect(output).toMatch(/^then: \.$/m);
      expect(output).toContain('status exits with 1');
      // The record has paths and names; the key and the token are nowhere in it.
      expect(output).toMatch(/"kubeconfig":"[^"]+","apiServer"/);
      expect(output).not.toMatch(/client-key-data|BEGIN|[a-z0-9]{6}\.[a-z0-9]{16}/);
      expect(exitCode).toBe(0);
      expect(left).toEqual(NOTHING);
    });

    it('is brought up on the lead when that is typed on another node, and taken away when the supervisor is killed', async () => {
      const { output, left } = await inPrivate(`on 1 'unet up > /dev/null; unet attr supervisor'
        unet kubectl get nodes -o name
        on 1 'set -- $(unet attr supervisor); kill -9 $2'
        inFlux() { flux kvs ls -1 unet 2>/dev/null; flux kvs ls -1 archive 2>/dev/null; }
        for i in $(seq 200); do [ -z "$(inFlux)" ] && break; sleep 0.1; done
        echo "then: $(inFlux)."
        for i in $(seq 200); do ls -d $TMPDIR/unet-* >/dev/null 2>&1 || break; sleep 0.1; done
        secrets() { on 0 'cd $UNET_JOB_DIR && find . -type f | grep -v /logs/ | grep -v state.json'; }
        for i in $(seq 200); do [ -z "$(secrets)" ] && break; sleep 0.1; done
        secrets; echo looked`);
      expect(output).toMatch(/^node\/u7s-\S+-2$/m);
      expect(output).toMatch(/^then: \.$/m);
      // The logs stay for a look, on the supervisor's node; no secret does.
      expect(output).not.toMatch(/^\.\/.*(kubeconfig|nonce|join)/m);
      expect(output).toContain('looked');
      expect(left).toEqual(NOTHING);
    });

    it('on a node that is not of the cluster env says why, and attr answers', async () => {
      const { output, left } = await inPrivate(`unet up --nodes 2
        on 2 'unset UNET_NODES; unet attr phase; unet env; echo "env exits with $?"'
        unet down`);
      expect(output).toMatch(/^usable$/m);
      expect(output).toMatch(/-2 is no node of the cluster flux-\S+, and does not see its job directory/);
      expect(output).toContain('env exits with 1');
      expect(left).toEqual(NOTHING);
    });
  });

  it('is found without the --job-dir that up was given', async () => {
    const { output, left } = await inInstance(`mkdir -m 700 ~/elsewhere; UNET_JOB_DIR=~/elsewhere unet up
      unet attr job-dir; unet kubectl get nodes -o name | wc -l; unet down; ls -A ~/elsewhere`);
    expect(output).toMatch(/^\S+\/home\/elsewhere\/flux-[0-9a-f]{8}$/m);
    expect(output).toMatch(/^3$/m);
    expect(output).toMatch(/^nothing of \S+ is left$/m);
    expect(left).toEqual(NOTHING);
  });

  it('is in the memo of the enclosing job, and a job in the job is told of the cluster', async () => {
    const { output, left, exitCode } = await inInstance(`cat > nested <<'END'
#!/bin/bash
node ${UNET} env 2>&1 | sed 's/^/nested env: /'
node ${UNET} run --nodes 1 -- sh -c 'echo "nested own: $UNET_JOB_ID"' 2>&1
eval "$(FLUX_URI=$(flux getattr parent-uri) node ${UNET} env)"
echo "nested outer: $UNET_JOB_ID $(kubectl get nodes -o name | wc -l)"
END
      cat > batch <<'END'
#!/bin/bash
unet() { node ${UNET} "$@"; }
unet up; echo "outer: $(unet attr job-id)"
FLUX_URI=$(flux getattr parent-uri) flux jobs -no 'memo: {user.unet.phase} {user.unet.lead} {user.unet.nodes}'
flux job wait-event -t 60 $(flux batch -N1 -n1 --output=nested.out nested) clean > /dev/null; cat nested.out; rm nested.out nested
unet down
FLUX_URI=$(flux getattr parent-uri) flux jobs -no 'memo now: {user.unet}.'
END
      id=$(flux batch -N3 -n3 --output=out batch); flux job wait-event -t 90 $id clean > /dev/null; cat out; rm out batch`);
    expect(output).toMatch(/^memo: usable \S+-0 3\/3$/m);
    expect(output).toMatch(/^memo now: \.$/m);
    const outer = /^outer: (\S+)$/m.exec(output)?.[1];
    const advice = 'eval "$(FLUX_URI=$(flux getattr parent-uri) unet env)"';
    expect(output).toContain(`a cluster is in the enclosing Flux instance, ${outer} (usable`);
    expect(output.split('\n').filter((line) => line.includes(advice))).toEqual([
      expect.stringMatching(/^nested env: .*bring one up with "unet up"; a cluster is in/),
      expect.stringMatching(/warning: a cluster is in.*this makes one more\. To use that one instead/),
    ]);
    expect(output).toMatch(/^nested own: flux-\S+$/m);
    expect(/^nested own: (\S+)$/m.exec(output)?.[1]).not.toBe(outer);
    expect(output).toContain(`nested outer: ${outer} 3`);
    expect(exitCode).toBe(0);
    expect(left).toEqual(NOTHING);
  });
});

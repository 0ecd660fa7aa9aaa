import { describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable, inInstance, NOTHING, privateDirectories, UNET } from './flux-instance.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

const missing = fluxUnavailable();
if (missing !== undefined) {
  console.warn(`the scenarios in a real Flux are skipped: ${missing}`);
}

describe.skipIf(missing !== undefined)('in a real Flux', () => {
  describe('an instance', () => {
    it('with unet run has a cluster of all ranks, and the exit code of its command', async () => {
      const { exitCode, output, left } = await inInstance(
        `unet run -- sh -c 'echo "nodes: $UNET_JOB_NODES"; kubectl get nodes; exit 7'; code=$?
        flux kvs ls archive; exit $code`,
      );
      expect(output).toMatch(/nodes: \S+-0 \S+-1 \S+-2/);
      expect(output).toMatch(/u7s-\S+-2\s+Ready/);
      expect(output).not.toContain('warning');
      expect(output).not.toMatch(/^unet-/m);
      expect(exitCode).toBe(7);
      expect(left).toEqual(NOTHING);
    });

    it('with up, status, env and down works step by step, from any rank', async () => {
      const { exitCode, output, left } = await inInstance(`set -e
        unet up
        unet status
        eval "$(unet env)"
        kubectl get nodes
        flux exec -r 2 bash -c 'unset KUBECONFIG; node ${UNET} attr phase; node ${UNET} kubectl get nodes -o name'
        flux kvs ls archive
        unet down
        unet down
        unet status || echo "status exits with $?"`);
      expect(output).toMatch(/^usable$/m);
      expect(output).toMatch(/^node\/u7s-\S+-1$/m);
      expect(output).toContain('status exits with 1');
      expect(output).not.toMatch(/^unet-/m);
      expect(exitCode).toBe(0);
      expect(left).toEqual(NOTHING);
    });

    it('whose script ends without down leaves nothing', async () => {
      const { exitCode, output, left } = await inInstance('unet up && echo the script ends');
      expect(output).toContain('the script ends');
      expect(output).not.toContain('could not be cleaned');
      expect(exitCode).toBe(0);
      expect(left).toEqual(NOTHING);
    });

    it('can be used in part', async () => {
      const { output, left } = await inInstance(
        'unet run --nodes 2 -- sh -c \'echo "nodes: $UNET_JOB_NODES"\'',
      );
      expect(output).toMatch(/nodes: \S+-0 \S+-1$/m);
      expect(left).toEqual(NOTHING);
    });

    it.each(['shared-fs', 'stdio', 'flux-archive'])('joins via %s when that is asked for', async (via) => {
      const { output, left } = await inInstance(
        `unet run --join-via ${via} -- sh -c 'grep -h received "$UNET_JOB_DIRECTORY"/logs/*/await-join.log; kubectl get nodes'`,
      );
      expect(output.match(/received by (\S+),/g)).toEqual(Array(2).fill(`received by ${via},`));
      expect(output).toMatch(/u7s-\S+-2\s+Ready/);
      expect(left).toEqual(NOTHING);
    });

    it('of an older Flux, as its version says, joins by flux filemap where nothing is shared', async () => {
      const { output, left } = await inInstance(
        `mkdir ~/kept; flux=$(command -v flux)
        printf '#!/bin/sh\\n[ "$*" = "getattr version" ] && { echo 0.59.0; exit; }\\n[ "$1" = archive ] && exit 1\\nexec %s "$@"\\n' $flux > ~/kept/flux
        chmod +x ~/kept/flux; PATH=~/kept:$PATH
        unet run --join-via flux-archive -- sh -c 'grep -h received "$UNET_JOB_DIRECTORY"/logs/*/await-join.log; kubectl get nodes'`,
      );
      expect(output.match(/received by flux-archive/g)).toHaveLength(2);
      expect(output).toMatch(/u7s-\S+-2\s+Ready/);
      expect(left).toEqual(NOTHING);
    });

    it('a Ctrl-C during up takes everything away and exits with 130', async () => {
      const { output, left } = await inInstance(`export UNET_REHEARSAL=init:delay=60s
        set -m
        node ${UNET} up > up.log 2>&1 & up=$!
        until grep -q "kubeadm init" up.log; do sleep 0.1; done
        kill -INT $up; wait $up; echo "up exited with $?"
        cat up.log; rm up.log; flux kvs ls archive; rm -rf state/unet/jobs/*/logs state/unet/jobs/*/state.json`);
      expect(output).toContain('up exited with 130');
      expect(output).toContain('everything is gone');
      expect(output).not.toMatch(/^unet-/m);
      expect(left).toEqual(NOTHING);
    });

    it('that loses a broker loses that node only; down works without it', async () => {
      const { output, left } = await inInstance(`export UNET_STEP_TIMEOUT_DOWN=5s
        unet up
        kill -9 $(flux exec -r 2 flux getattr broker.pid)
        until unet status | grep -q ' lost '; do sleep 0.2; done
        unet status; unet kubectl get nodes -o name
        unet down; echo "down exited with $?"
        for i in $(seq 100); do ls $TMPDIR/unet-*/*/*-2 >/dev/null 2>&1 || break; sleep 0.2; done
        rm -rf state/unet/jobs/*/logs state/unet/jobs/*/state.json`);
      expect(output).toMatch(/-2 .*lost .*broker is lost/);
      expect(output).toMatch(/^node\/u7s-\S+-1$/m);
      expect(output).toMatch(/down exited with \d/);
      expect(left).toEqual(NOTHING);
    });

    it('two clusters in sibling instances do not touch each other', async () => {
      const { directory, output, left, exitCode } = await inInstance(
        `cat > batch <<'END'
#!/bin/bash
export UNET_RELEASE=rehearsal
node ${UNET} run -- sh -c 'echo "server $UNET_JOB_API_SERVER"; touch run-$UNET_JOB_ID; until [ $(ls run-* | wc -l) = 2 ]; do sleep 0.1; done; kubectl get nodes -o name'
END
        ids="$(for i in 1 2; do flux batch -N2 -n2 -c1 -o cpu-affinity=off --output=out-$i --flags=waitable batch; done)"
        flux job wait --all; code=$?; cat out-1 out-2; rm -f out-* run-* batch; exit $code`,
        { size: 4 },
      );
      expect(directory).toBeDefined();
      const servers = [...output.matchAll(/^server (\S+)/gm)].map(([, server]) => server);
      expect(new Set(servers).size).toBe(2);
      expect(output.match(/^node\/u7s-\S+-1$/gm)).toHaveLength(2);
      expect(exitCode).toBe(0);
      expect(left).toEqual(NOTHING);
    });
  });

  describe.skipIf(process.getuid?.() !== 0)('with no shared job directory', () => {
    it('release and join record travel by flux archive, and are taken away', async () => {
      const { output, exitCode, left } = await inInstance(
        `export UNET_JOB_DIR=$(dirname $HOME)/private
        unet up && unet kubectl get nodes && flux kvs ls -1 archive | sed 's/^/archive: /' && unet status --json > /dev/null
        stat -c '%a %n' "$(unet attr kubeconfig)"
        unet down; echo "then: $(flux kvs ls archive)."; ls -A $UNET_JOB_DIR`,
        { wrap: privateDirectories },
      );
      expect(output).toMatch(/u7s-\S+-2\s+Ready/);
      expect(output).toMatch(/^archive: unet-flux-\S+-release-/m);
      expect(output).not.toMatch(/^archive: \S+-join-/m);
      expect(output).toMatch(/^600 .*kubeconfig$/m);
      expect(output).toMatch(/^then: \.$/m);
      expect(exitCode).toBe(0);
      expect(left).toEqual(NOTHING);
    });
  });

  describe('a batch job', () => {
    const batch = (options: string, text: string, after = '') => `cat > batch <<'END'
#!/bin/bash
unet() { node ${UNET} "$@"; }
export UNET_RELEASE=rehearsal
${text}
END
      id=$(flux batch -N3 -n3 ${options} --output=out batch)
      ${after}
      flux job wait-event -t 90 $id clean > /dev/null
      cat out; rm -f out batch; flux jobs -no '{id.f58plain} result {result} {returncode}' $id`;

    it('has a cluster named after the job, its time limit, and its exit code', async () => {
      const { output, left } = await inInstance(
        batch('-t 20m', `unet run -- sh -c 'node ${UNET} status; exit 3'`),
      );
      expect(output).toMatch(/flux-\d+-[0-9a-f]{8}: usable, 1[89]m/);
      expect(output).toMatch(/result FAILED 3/);
      expect(left).toEqual(NOTHING);
    });

    it.each([
      ['the time limit', '-t 10s', ''],
      [
        'cancel',
        '-t 5m',
        'until grep -q "script waits" out 2>/dev/null; do sleep 0.1; done; flux cancel $id',
      ],
      [
        'a signal before the limit',
        '-t 20m --signal=TERM@60s',
        // However long the bring-up took, the signal comes a second after it.
        `until grep -q "script waits" out 2>/dev/null || ! flux jobs -no '{id}' | grep -q .; do sleep 0.1; done
        flux update $id duration=$(( $(flux jobs -no '{runtime:.0f}' $id) + 62 ))`,
      ],
    ])('that is ended by %s leaves nothing', async (_, options, after) => {
      const { output, left } = await inInstance(
        batch(options, 'unet up 2>&1; echo the script waits; exec sleep 100', after),
      );
      expect(output).toMatch(/the script waits/);
      expect(output).toMatch(/result (TIMEOUT|CANCELED|FAILED)/);
      expect(output).not.toContain('could not be cleaned');
      expect(left).toEqual(NOTHING);
    });

    it('cancelled during the bring-up leaves its logs and nothing else', async () => {
      const { output, left } = await inInstance(
        batch(
          '-t 5m',
          'export UNET_REHEARSAL=init:delay=60s\nunet run -- true 2>&1',
          'until grep -q "kubeadm init" out 2>/dev/null; do sleep 0.1; done; flux cancel $id',
        ),
      );
      expect(output).toMatch(/result (CANCELED|FAILED)/);
      expect(left.processes).toEqual([]);
      expect(left.files.filter((path) => !/\/logs\/|state\.json$/.test(path))).toEqual([]);
    });

    it('in a batch job is the nearest instance', async () => {
      const { output, left } = await inInstance(
        `${batch(
          '-t 5m',
          `cat > inner <<'EOI'
#!/bin/bash
export UNET_RELEASE=rehearsal
node ${UNET} run --nodes 1 -- sh -c 'echo "inner $UNET_JOB_ID of $(flux getattr instance-level)"'
EOI
unet run --nodes 2 -- sh -c 'echo "outer $UNET_JOB_ID of $(flux getattr instance-level)"; flux job wait-event -t 60 $(flux batch -N1 -n1 --output=inner.out inner) clean; cat inner.out; rm inner inner.out'`,
        )}`,
      );
      const ids = [...output.matchAll(/^(inner|outer) (\S+) of (\d)/gm)].map(([, name, id, level]) => ({
        name,
        id,
        level,
      }));
      expect(ids.map(({ name, level }) => `${name} ${level}`)).toEqual(['outer 1', 'inner 2']);
      expect(new Set(ids.map(({ id }) => id)).size).toBe(2);
      expect(left).toEqual(NOTHING);
    });
  });
});

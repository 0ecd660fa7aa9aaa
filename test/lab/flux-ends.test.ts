import { describe, expect, it, vi } from 'vitest';
import { processesOf, TIME_SCALE, until } from '../process/scratch.ts';
import { filesOf, fluxUnavailable, inInstance, UNET } from './flux-instance.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

/** A flux on PATH that refuses `flux admin cleanup-push`, as it may be refused. */
const NO_CLEANUP = `mkdir ~/kept; flux=$(command -v flux)
  printf '#!/bin/sh\\n[ "$1" = admin ] && { echo "flux-admin: refused" >&2; exit 1; }\\nexec %s "$@"\\n' $flux > ~/kept/flux
  chmod +x ~/kept/flux; PATH=~/kept:$PATH`;
const UP = 'unet up > /dev/null 2>&1; unet attr phase';

describe.skipIf(fluxUnavailable() !== undefined)('a cluster whose Flux ends badly', () => {
  it.each([
    ['when the script ends and the cleanup was refused', 3, `${NO_CLEANUP}; ${UP}`],
    [
      'when that happens in an instance of one broker, which nobody else is told of',
      1,
      `${NO_CLEANUP}; ${UP}`,
    ],
    ['when the broker of rank 0 is killed', 3, `${UP}; kill -9 $(flux getattr broker.pid); sleep 1`],
    ['when its only broker is killed', 1, `${UP}; kill -9 $(flux getattr broker.pid); sleep 1`],
    [
      'when that happens while it comes up',
      3,
      `export UNET_REHEARSAL=init:delay=60s
      node ${UNET} up > up.log 2>&1 & until grep -q "kubeadm init" up.log; do sleep 0.1; done; echo usable
      kill -9 $(flux getattr broker.pid); sleep 1`,
    ],
    [
      'when its teardown takes longer than the five seconds after a cancel',
      3,
      `cat > batch <<'END'
#!/bin/bash
export UNET_REHEARSAL=down:delay=8s UNET_RELEASE=rehearsal
node ${UNET} up > /dev/null 2>&1; node ${UNET} attr phase; sleep 100
END
      id=$(flux batch -N3 -n3 -t 5m --output=out batch); until grep -q usable out 2>/dev/null; do sleep 0.1; done
      flux cancel $id; flux job wait-event -t 60 $id clean > /dev/null; cat out; rm out batch`,
    ],
  ])('leaves nothing %s', async (_, size, text) => {
    const { output, directory } = await inInstance(`export UNET_HEARTBEAT=1s; ${text}`, { size });
    expect(output).toMatch(/^usable$/m);
    await until(() => processesOf(directory).length === 0);
    // What failed may have logs and its last state, and nothing else.
    expect(
      filesOf(directory).filter(
        (path) => !/\/(logs|kept|\.kube)\/|\/(state\.json|up\.log)$|\/flux-\w{6}\//.test(path),
      ),
    ).toEqual([]);
  });
});

import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable, inInstance, NOTHING, privateDirectories, UNET } from './flux-instance.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

const EXAMPLES = join(import.meta.dirname, '../../scripts/examples');
const REHEARSAL = join(import.meta.dirname, '../../dist/rehearsal');

/** unet on PATH, as a batch script finds it, and the examples in the current directory. */
const INSTALLED = `mkdir ~/kept; printf '#!/bin/sh\\nexec node ${UNET} "$@"\\n' > ~/kept/unet; chmod +x ~/kept/unet
  cp ${EXAMPLES}/* ~/kept; cd ~/kept; PATH=~/kept:$PATH`;

/** Submits an example, for the three nodes that are there, and shows its output. */
const batch = (
  script: string,
  meanwhile = '',
) => `id=$(flux batch --nodes=3 --nslots=3 --output=out ${script})
  ${meanwhile}
  flux job wait-event -t 100 $id clean > /dev/null; cat out
  flux jobs -no 'result {result} {returncode}' $id`;

describe.skipIf(fluxUnavailable() !== undefined)('the example in a real Flux', () => {
  it('flux-run.sh runs the workflow in a cluster', async () => {
    const { output, left } = await inInstance(
      `${INSTALLED}; sed -i 's/--min-nodes 4/--min-nodes 3/' flux-run.sh; ${batch('flux-run.sh')}`,
    );
    expect(output).toMatch(/^cluster flux-\S+, lead \S+, nodes: \S+-0 \S+-1 \S+-2$/m);
    expect(output).toContain('configmap/hello created');
    expect(output).toContain('result COMPLETED 0');
    expect(left).toEqual(NOTHING);
  });

  it('flux-beside.sh runs a client and a simulation beside the cluster, and takes it down', async () => {
    const { output, left } = await inInstance(
      `${INSTALLED}; printf '#!/bin/sh\\necho "simulation $1 of $FLUX_JOB_SIZE"\\n' > simulation.sh; chmod +x simulation.sh
      ${batch('flux-beside.sh')}`,
    );
    expect(output).toMatch(/u7s-\S+-2 +Ready/);
    expect(output).toContain('configmap/found created');
    expect(output).toContain('simulation 1 of 3');
    expect(output).toContain('simulation 2 of 3');
    expect(output).toMatch(/nothing of flux-\S+ is left/);
    expect(output).toContain('result COMPLETED 0');
    expect(left).toEqual(NOTHING);
  });

  it('flux-beside.sh takes the cluster down when it is warned of the end, in the middle of its job', async () => {
    const { output, left } = await inInstance(
      `${INSTALLED}; printf '#!/bin/sh\\necho simulating; exec sleep 300\\n' > simulation.sh; chmod +x simulation.sh
      ${batch(
        'flux-beside.sh',
        // As --signal does it when the time has come.
        'until grep -q simulating out 2>/dev/null; do sleep 0.1; done; flux job kill --signal=TERM $id',
      )}`,
    );
    expect(output).toContain('simulating');
    expect(output).toMatch(/nothing of flux-\S+ is left/);
    expect(output).toContain('result FAILED 143');
    expect(left).toEqual(NOTHING);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'flux-cloud.sh needs nothing shared, and sends no release',
    async () => {
      const { output, left } = await inInstance(
        `${INSTALLED}; export PRIVATE=$(dirname $HOME)/private
      flux exec -r all --dir / cp -r ${REHEARSAL} $PRIVATE/usernetes
      export UNET_RELEASE=$PRIVATE/usernetes UNET_JOB_DIR=$PRIVATE/jobs
      printf '#!/bin/sh\\nkubectl get nodes; flux kvs ls -1 archive; echo "archives listed"\\n' > workflow.sh
      ${batch('flux-cloud.sh')}`,
        { wrap: privateDirectories },
      );
      expect(output.match(/u7s-\S+-[012] +Ready/g)).toHaveLength(3);
      expect(output).toContain('archives listed');
      expect(output).not.toMatch(/^unet-\S+-release-/m);
      expect(output).toContain('result COMPLETED 0');
      expect(left).toEqual(NOTHING);
    },
  );
});

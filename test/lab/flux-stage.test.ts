import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable, inInstance, NOTHING, privateDirectories } from './flux-instance.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

const REHEARSAL = join(import.meta.dirname, '../../dist/rehearsal');

describe.skipIf(fluxUnavailable() !== undefined || process.getuid?.() !== 0)(
  'the release in a real Flux with no shared directory',
  () => {
    /** Each broker has a directory `private` of its own, also for the job. `on RANK TEXT` runs there. */
    const inPrivate = (text: string) =>
      inInstance(
        `export PRIVATE=$(dirname $HOME)/private UNET_JOB_DIR=$(dirname $HOME)/private/jobs
        on() { flux exec -r $1 --dir / bash -c "$2" 2>&1; }
        ${text}`,
        { wrap: privateDirectories },
      );
    const staged = `sh -c 'kubectl get nodes -o name | wc -l; flux kvs ls -1 archive | sed "s/^/archive: /"'`;

    it('is not copied where the directory is not seen, which is said', async () => {
      const { output, left } = await inPrivate(
        'unet up --stage copy; echo "up exits with $?"; unet status; rm -rf $UNET_JOB_DIR',
      );
      expect(output).toMatch(/UNET_CONFIG_INVALID.*not seen on \S+-1, \S+-2/);
      expect(output).toContain('up exits with 2');
      expect(left).toEqual(NOTHING);
    });

    it('goes by flux archive when that is asked for', async () => {
      const { output, left, exitCode } = await inPrivate(`unet run --stage archive -- ${staged}`);
      expect(output).toMatch(/^3$/m);
      expect(output).toMatch(/^archive: unet-\S+-release-/m);
      expect(exitCode).toBe(0);
      expect(left).toEqual(NOTHING);
    });

    it('is not sent where each node has it', async () => {
      const { output, left, exitCode } = await inPrivate(`on all 'cp -r ${REHEARSAL} '$PRIVATE/release
        export UNET_RELEASE=$PRIVATE/release
        unet run --stage none -- ${staged}`);
      expect(output).toMatch(/^3$/m);
      expect(output).not.toContain('archive: ');
      expect(exitCode).toBe(0);
      expect(left).toEqual(NOTHING);
    });

    it('that is another one, or missing, on a node is that node’s failure', async () => {
      const { output, left } = await inPrivate(`on all 'cp -r ${REHEARSAL} '$PRIVATE/release
        export UNET_RELEASE=$PRIVATE/release
        on 1 "echo '# patched' >> $PRIVATE/release/Makefile"
        on 2 "rm -r $PRIVATE/release"
        unet run --stage none --min-nodes 1 -- kubectl get nodes -o name`);
      expect(output).toMatch(
        /UNET_RELEASE_CHECKSUM.*-1.*private\/release is not the one that the others have/,
      );
      expect(output).toMatch(/UNET_RELEASE_NOT_FOUND.*-2.*there is no release \S+private\/release/);
      expect(output).toMatch(/^node\/u7s-\S+-0$/m);
      expect(output).not.toMatch(/^node\/u7s-\S+-1$/m);
      expect(left).toEqual(NOTHING);
    });

    it('needs flux on PATH on every node, and a node without it is said before anything starts', async () => {
      const { output, left } = await inPrivate(`mkdir $PRIVATE/bin; ln -s $(command -v flux) $PRIVATE/bin/flux
        on 1 "mkdir $PRIVATE/bin; ln -s $(command -v flux) $PRIVATE/bin/flux"
        PATH=$PRIVATE/bin:$(dirname $(command -v node)):/usr/local/bin:/usr/bin:/bin
        unet up --stage archive; echo "up exits with $?"; rm -rf $UNET_JOB_DIR
        unet run --min-nodes 2 -- kubectl get nodes -o name`);
      expect(output).toMatch(/UNET_TOOL_MISSING.*-2: flux was not found on PATH/);
      expect(output).toContain('up exits with 3');
      expect(output.slice(0, output.indexOf('up exits with'))).not.toContain('start the node');
      expect(output.match(/^node\/u7s-\S+-[01]$/gm)).toHaveLength(2);
      expect(left).toEqual(NOTHING);
    });
  },
);

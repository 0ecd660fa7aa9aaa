import { describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable, inInstance, NOTHING } from './flux-instance.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

/** A flux on PATH that says it is of another version; whatever that lacks fails. */
const ofVersion = (version: string, lacks: string) => `mkdir -p ~/kept; flux=$(command -v flux)
  printf '#!/bin/sh\\n[ "$*" = "getattr version" ] && { echo ${version}; exit; }\\ncase "$*" in ${lacks}) echo "flux: $1: no such command" >&2; exit 1;; esac\\nexec %s "$@"\\n' $flux > ~/kept/flux
  chmod +x ~/kept/flux; PATH=~/kept:$PATH`;

describe.skipIf(fluxUnavailable() !== undefined)('what is wrong with a real Flux is said', () => {
  it('when FLUX_URI names a broker that is gone', async () => {
    const { output, left } = await inInstance(
      `FLUX_URI=local://$TMPDIR/gone/local-0 unet up; echo "up exits with $?"
      FLUX_URI=local://$TMPDIR/gone/local-0 unet down; echo "down exits with $?"`,
      { size: 1 },
    );
    expect(output).toMatch(
      /UNET_ALLOCATION_UNREADABLE.*FLUX_URI is local:\S+gone\/local-0, and no broker answers there/,
    );
    expect(output).toContain('unset FLUX_URI');
    expect(output).toContain('up exits with 1');
    expect(output).toContain('down exits with 1');
    expect(left).toEqual(NOTHING);
  });

  it.each([
    ['0.46.1', '"job timeleft"', 'unet up', 'unet needs Flux 0.47.0 or later, and this one is 0.46.1'],
    ['0.59.0', 'archive*', 'unet up --stage archive', '--stage archive needs Flux 0.60.0 or later'],
    [
      '0.47.2',
      'archive*|filemap*',
      'unet up --join-via flux-archive',
      'flux-archive needs Flux 0.48.0 or later',
    ],
  ])('when it is %s, which lacks what is asked for', async (version, lacks, command, message) => {
    const { output, left } = await inInstance(
      `${ofVersion(version, lacks)}; ${command}; echo "up exits with $?"; rm -rf state`,
      { size: 2 },
    );
    expect(output).toContain(`UNET_FLUX_TOO_OLD`);
    expect(output).toContain(message);
    expect(output).toContain('load a newer Flux');
    expect(output).toContain('up exits with 3');
    expect(left).toEqual(NOTHING);
  });

  it('and an archive of a dead supervisor in the way is replaced', async () => {
    const { output, left } = await inInstance(`job=$(unet status 2>&1 | grep -o 'flux-[0-9a-f]*')
      echo old > record.json; flux archive create --name unet-$job-join-1 record.json; rm record.json
      unet run -- kubectl get nodes -o name; flux kvs ls -1 archive | sed 's/^/archive: /'`);
    expect(output.match(/^node\/u7s-/gm)).toHaveLength(3);
    expect(output).not.toContain('archive: ');
    expect(left).toEqual(NOTHING);
  });
});

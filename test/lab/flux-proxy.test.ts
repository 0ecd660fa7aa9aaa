/** A login node's habit, `flux alloc --bg` and then `flux proxy JOB unet …`: with a real Flux, and ssh that enters the job's host. */
import { describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable, inInstance, NOTHING, UNET } from './flux-instance.ts';

const unavailable = fluxUnavailable() ?? (process.getuid?.() === 0 ? undefined : 'no root');
if (unavailable !== undefined) console.log(`skipped: unet through flux proxy (${unavailable})`);

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

/** `login` runs a command on another host, which shares the home and not TMPDIR, where the brokers' sockets are. */
const LOGIN = `
  mkdir ~/kept; cd ~/kept; export PATH=$PWD:$PATH FLUX_SSH=$PWD/ssh
  printf '#!/bin/sh\\nexec node ${UNET} "$@"\\n' > unet
  printf '#!/bin/sh\\nshift\\nexec nsenter -t %s -m -u -- sh -c "$*"\\n' $$ > ssh
  printf '#!/bin/sh\\nhostname login; mount -t tmpfs -o mode=700 none $TMPDIR; unset FLUX_URI; exec "$@"\\n' > on-login
  printf '#!/bin/sh\\neval "$(unet env)"; kubectl get nodes -o name\\n' > look
  chmod +x *; unset -f unet
  login() { unshare --mount --uts on-login "$@"; }
  id=$(flux alloc --bg -N2 -n2); uri=$(flux uri $id)`;

describe.skipIf(unavailable !== undefined)('through flux proxy', () => {
  it('up, env, kubectl, status and down work on the job’s own host', async () => {
    const { output, left } = await inInstance(`${LOGIN}
      flux proxy $id unet up; echo "up: $?"
      flux proxy $id unet status; flux proxy $id look
      FLUX_URI=$uri unet kubectl get nodes -o name | wc -l
      flux proxy $id unet down; echo "down: $?"
      flux cancel $id; flux job wait-event $id clean > /dev/null`);
    expect(output).toContain('up: 0');
    expect(output).toMatch(/-1 +worker +ready/);
    expect(output).toMatch(/^node\/u7s-\S+-1$/m);
    expect(output).toMatch(/^2$/m);
    expect(output).toContain('down: 0');
    expect(left).toEqual(NOTHING);
  });

  it('and from a login node: what stays is on the lead, and nothing on the login node', async () => {
    const { output, left } = await inInstance(`${LOGIN}
      login flux proxy $uri unet up; echo "up: $?"
      echo "supervisor: $(flux proxy $id unet attr supervisor)"
      login flux proxy $uri unet status; login flux proxy $uri look
      echo "apiVersion: v1
kind: ConfigMap
metadata: {name: piped}" | FLUX_URI=$uri login env FLUX_URI=$uri unet kubectl create -f -
      login flux proxy $uri unet run -- sh -c 'hostname; exit 7'; echo "run: $?"
      login flux proxy $uri unet down; echo "down: $?"
      flux cancel $id; flux job wait-event $id clean > /dev/null`);
    expect(output).toMatch(/unet up runs on \S+-0, the lead of flux-/);
    expect(output).toContain('up: 0');
    expect(output).toMatch(/^supervisor: (?!login)\S+ \d+$/m);
    expect(output).toMatch(/-1 +worker +ready/);
    expect(output).toMatch(/^node\/u7s-\S+-1$/m);
    expect(output).toContain('configmap/piped created');
    expect(output).toContain('run: 7');
    expect(output).toContain('down: 0');
    expect(left).toEqual(NOTHING);
  });
});

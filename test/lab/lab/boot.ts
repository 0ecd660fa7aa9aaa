import { startHost } from './namespaces.ts';
import { addressOf, CONTROL_HOST, makeBridge, plugIn } from './network.ts';
import { startMunged, startSlurmctld, startSlurmd } from './slurm.ts';
import { startSshd } from './ssh.ts';
import type { LabHost, LabState } from './state.ts';

/** Starts a host, plugs it in and starts its daemons; the control host first, the others in any order. */
export async function bootHost(lab: LabState, name: string): Promise<void> {
  const { root, computeHosts } = lab;
  const init = await startHost(lab, name, {
    runtimeUid: lab.options.runtimeDirectory ? lab.user.uid : undefined,
    ownFreezer: lab.options.cgroups,
  });
  const host: LabHost = { name, address: addressOf(name, computeHosts), init };
  lab.hosts[name] = host;
  if (name === CONTROL_HOST) {
    await makeBridge(host);
    await startMunged(root, host);
    startSlurmctld(root, host);
  } else {
    const control = lab.hosts[CONTROL_HOST];
    if (control === undefined) throw new Error(`${CONTROL_HOST} is not running`);
    await plugIn(control, host);
  }
  if (computeHosts.includes(name)) startSlurmd(root, host);
  if (lab.options.ssh) startSshd(root, host);
}

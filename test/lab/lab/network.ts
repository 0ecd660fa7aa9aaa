import { execa } from 'execa';
import type { LabHost, ProcessIdentity } from './state.ts';
import { SYSTEM_PATH } from './unavailable.ts';

/*
 * A bridge in the namespace of `ctl`, and a link from it to each host. There is no way out of the lab, so every
 * lab may use the same subnet. No default route, as on many compute nodes.
 */

export const CONTROL_HOST = 'ctl';
const BRIDGE = 'br0';
const BRIDGE_END = (host: string) => `to-${host}`;
const TIMEOUT_MS = 10_000;

/** ctl is .1, login is .2, the compute nodes follow from .10. */
export function addressOf(host: string, computeHosts: readonly string[]): string {
  if (host === CONTROL_HOST) return '10.77.0.1';
  const index = computeHosts.indexOf(host);
  return index < 0 ? '10.77.0.2' : `10.77.0.${10 + index}`;
}

export async function makeBridge(control: LabHost): Promise<void> {
  await ip(control.init, [
    `link add ${BRIDGE} type bridge forward_delay 0`,
    `addr add ${control.address}/24 dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
  ]);
}

/** Gives the host its eth0. */
export async function plugIn(control: LabHost, host: LabHost): Promise<void> {
  const end = BRIDGE_END(host.name);
  await ip(control.init, [
    `link add ${end} type veth peer name eth0 netns ${host.init.pid}`,
    `link set ${end} master ${BRIDGE} up`,
  ]);
  await ip(host.init, [`addr add ${host.address}/24 dev eth0`, 'link set eth0 up']);
}

/** Packets to and from the host are lost, with no reset to anyone. The host itself goes on. */
export async function cutLink(control: LabHost, host: string): Promise<void> {
  await ip(control.init, [`link set ${BRIDGE_END(host)} down`]);
}

export async function restoreLink(control: LabHost, host: string): Promise<void> {
  await ip(control.init, [`link set ${BRIDGE_END(host)} up`]);
}

/** Forgets the link of a host that is gone. Repeatable: the kernel may have been first. */
export async function unplug(control: LabHost, host: string): Promise<void> {
  await ip(control.init, [`link del ${BRIDGE_END(host)}`]).catch((error: Error) => {
    if (!/Cannot find device/.test(error.message)) throw error;
  });
}

/** Only the network namespace is entered: pids and /proc stay the caller's, for `netns PID`. */
async function ip(init: ProcessIdentity, commands: string[]): Promise<void> {
  await execa('nsenter', [`--net=/proc/${init.pid}/ns/net`, '--', 'ip', '-batch', '-'], {
    input: `${commands.join('\n')}\n`,
    env: { PATH: SYSTEM_PATH },
    extendEnv: false,
    timeout: TIMEOUT_MS,
  });
}

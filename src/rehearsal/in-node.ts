// Entry of the programs in a rehearsed node in a container (kubeadm, ctr, …): has the node's process 1 run them.
import { clientSignal } from './compose/client-signal.ts';
import { STATE_DIRECTORY } from './container/state-directory.ts';
import { converse } from './node/exec-client.ts';

/** The variables that the release's steps give to what they run in the node. */
const passed = /^(HOST_IP|NODE_|PORT_)/;

const env = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    passed.test(name) && value !== undefined ? [[name, value]] : [],
  ),
);
const request = { argv: process.argv.slice(2), env, faults: '', startedAt: performance.timeOrigin };
const code = await converse(STATE_DIRECTORY, request, false, clientSignal()).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  return 1;
});
process.exitCode = code ?? 1;

#!/usr/bin/env node
// Loads the bundled file of the process that this is to be: the command line, or a resident one on a node. Nothing here may need a newer Node than the oldest that anybody has.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `UNET_NODE_VERSION: unet needs Node 20.19 or newer, this is ${process.version} (${process.execPath})`,
  );
  console.error('  load a newer module, or put a newer node first on PATH');
  process.exit(3);
}
// What a scheduler or a script sends to a job's own programs must neither end a process of unet nor, as SIGUSR1 does in Node without
// a listener, open its debugger. `unet run` passes these on to its command.
for (const name of [
  'SIGUSR1',
  'SIGUSR2',
  'SIGQUIT',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGPWR',
  'SIGIO',
  'SIGVTALRM',
  'SIGTSTP',
]) {
  process.on(name, () => {});
}
// A SIGUSR1 that came before the line above.
const { default: inspector } = await import('node:inspector');
if (inspector.url() !== undefined && !process.execArgv.some((word) => word.startsWith('--inspect'))) {
  inspector.close();
}
const [command, role] = process.argv.slice(2);
const startsCluster = ['run', 'up', 'rehearse'].includes(command);
if (startsCluster && !process.argv.some((word) => word === '--help' || word === '-h')) {
  await import('../dist/early.js');
}
if (role === 'supervisor' && process.argv.includes('--spare-agent')) {
  await import('../dist/spare.js');
}
const isResident = command === 'node' && ['agent', 'supervisor'].includes(role);
const isEveryday = startsCluster || ['down', 'env', 'attr'].includes(command);
await import(isResident ? '../dist/resident.js' : isEveryday ? '../dist/everyday.js' : '../dist/unet.js');

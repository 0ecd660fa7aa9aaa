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

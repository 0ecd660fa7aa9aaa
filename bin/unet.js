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
const resident = process.argv[2] === 'node' && ['agent', 'supervisor'].includes(process.argv[3]);
await import(resident ? '../dist/resident.js' : '../dist/unet.js');

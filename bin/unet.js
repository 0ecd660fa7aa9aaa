#!/usr/bin/env node
// Loads the bundle of this process: the command line, an agent, a guardian or a supervisor. Old versions of Node must be able to run this file.
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
// Node 22 and later keep what V8 has compiled. Not in the directory that Node would choose, which is in /tmp and may be another user's;
// and not as root in the home of another user (sudo).
const { enableCompileCache } = await import('node:module');
if (enableCompileCache !== undefined && process.env.HOME !== undefined) {
  const { statSync } = await import('node:fs');
  const { HOME: home, XDG_CACHE_HOME: given = '' } = process.env;
  if (statSync(home, { throwIfNoEntry: false })?.uid === process.getuid?.()) {
    enableCompileCache(`${given.startsWith('/') ? given : `${home}/.cache`}/unet/compiled`);
  }
}
const [command, role] = process.argv.slice(2);
const isResident = command === 'node' && ['agent', 'guardian', 'supervisor'].includes(role);
await import(`../dist/${isResident ? role : 'unet'}.js`);

// Entry of the stand-in for docker-compose and podman-compose: small, since every step starts it.
import { ComposeUsageError, parseComposeArguments } from './compose/arguments.ts';
import { ClientEnded, clientSignal } from './compose/client-signal.ts';
import { down } from './compose/down.ts';
import { exec } from './compose/exec.ts';
import { preflight } from './compose/preflight.ts';
import { ps } from './compose/ps.ts';
import { shell } from './compose/shell.ts';
import { up } from './compose/up.ts';
import { FaultSyntaxError } from './faults/grammar.ts';
import { findProject } from './state/project.ts';

/** @returns the exit code */
async function main(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseComposeArguments(argv);
  const { command, flags, env, rest } = options;
  if (command === 'version') {
    process.stdout.write('unet rehearsal compose version 1.6.0\n');
    return 0;
  }
  const project = findProject(options.files, options.project);
  switch (command) {
    case 'up':
      return await up(project, flags, signal);
    case 'build': {
      const { build } = await import('./compose/build.ts');
      return build(project);
    }
    case 'down':
      return await down(project, flags.has('-v') || flags.has('--volumes'), signal);
    case 'exec': {
      const [service, ...argv] = rest;
      if (service !== 'node') throw new ComposeUsageError(`no such service: ${service ?? ''}`);
      const terminal = !flags.has('-T');
      if (argv.length === 1 && /^(\/bin\/)?(ba)?sh$/.test(argv[0] ?? '')) {
        return await shell(project, { env, terminal }, signal);
      }
      return await exec(project, { argv, env, terminal }, signal);
    }
    case 'logs':
      return await exec(
        project,
        { argv: ['journalctl', ...(flags.has('-f') ? ['-f'] : [])], env, terminal: false },
        signal,
      );
    case 'ps':
      return ps(project, flags);
    case 'preflight':
      return await preflight(project, signal);
    case 'config': {
      const { config } = await import('./compose/config.ts');
      return config(project.files);
    }
    default:
      throw new ComposeUsageError(`invalid choice: '${command}'`);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2), clientSignal());
} catch (error) {
  if (error instanceof ClientEnded) process.exit(error.exitCode);
  const { message } = error as Error;
  process.stderr.write(`compose: error: ${message}\n`);
  process.exitCode = error instanceof ComposeUsageError || error instanceof FaultSyntaxError ? 2 : 1;
}

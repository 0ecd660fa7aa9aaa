/** A machine's hooks as its administrator makes them: unet installed as root's, and a directory for them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { program, scratch } from '../process/scratch.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
export const NOBODY = 65_534;

/** Hooks are root's, and users must be able to run the Node that they name. */
export function whyNoHooks(): string | undefined {
  if (process.getuid?.() !== 0) {
    return 'they need root';
  }
  const argv = ['--reuid', String(NOBODY), '--clear-groups', process.execPath, '--version'];
  return spawnSync('setpriv', argv).status === 0 ? undefined : `users cannot run ${process.execPath}`;
}

/** unet installed as root's, a directory for hooks, and a scheduler's commands. */
export class Site {
  readonly directory = scratch();
  readonly etc = join(this.directory, 'etc');
  readonly unet = join(this.directory, 'unet/bin/unet.js');

  /** @param fakes commands of schedulers that are to be found. */
  constructor({ fakes = ['flux', 'scontrol'] }: { fakes?: string[] } = {}) {
    chmodSync(this.directory, 0o755);
    mkdirSync(this.etc, { mode: 0o755 });
    for (const name of ['bin', 'dist', 'package.json']) {
      cpSync(join(CHECKOUT, name), join(this.directory, 'unet', name), { recursive: true });
    }
    execFileSync('chown', ['-R', '0:0', join(this.directory, 'unet')]);
    execFileSync('chmod', ['-R', 'a+rX,go-w', join(this.directory, 'unet')]);
    for (const name of fakes) {
      program(this.directory, name, '#!/bin/sh\n');
    }
  }

  hooks(args: string[], { uid = 0, dir = this.etc, path = `${this.directory}:/usr/bin:/bin` } = {}) {
    const argv = [this.unet, 'hooks', ...args, '--dir', dir];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
      uid,
      gid: uid,
      env: { PATH: path, HOME: '/' },
      encoding: 'utf8',
    });
    return { code: status, stdout, stderr };
  }

  path(name: string): string {
    return join(this.etc, name);
  }
}

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NOBODY, Site, whyNoHooks } from './site.ts';

const obstacle = whyNoHooks();
if (obstacle !== undefined) {
  console.warn(`the tests of unet hooks install are skipped: ${obstacle}`);
}

describe.skipIf(obstacle !== undefined)('unet hooks', () => {
  it('install writes the scripts of Flux, executable and root’s, and show finds them current', () => {
    const site = new Site();
    expect(site.hooks(['install', '--flux'])).toMatchObject({ code: 0, stdout: '' });
    for (const name of ['prolog.d/unet', 'epilog.d/unet']) {
      const { mode, uid } = statSync(site.path(name));
      expect({ name, mode: mode & 0o7777, uid }).toEqual({ name, mode: 0o755, uid: 0 });
    }
    expect(readdirSync(site.path('prolog.d'))).toEqual(['unet']);
    expect(readFileSync(site.path('prolog.d/unet'), 'utf8')).toContain(`unet='${site.unet}'`);
    const { stdout } = site.hooks(['show', '--flux', '--json'], { uid: NOBODY });
    expect(JSON.parse(stdout).hooks).toMatchObject([
      { when: 'prolog', state: 'current', path: site.path('prolog.d/unet'), unet: site.unet },
      { when: 'epilog', state: 'current', path: site.path('epilog.d/unet') },
      { when: 'housekeeping', state: 'not installed' },
    ]);
  });

  it('install with --housekeeping writes that of Flux instead of an epilog, and Slurm has none', () => {
    const site = new Site();
    expect(site.hooks(['install', '--flux', '--housekeeping', '--epilog-deadline', '1m']).code).toBe(0);
    const text = readFileSync(site.path('housekeeping.d/unet'), 'utf8');
    expect(text).toContain('node down --scheduler flux');
    expect(text).toContain("deadline='60'");
    expect(existsSync(site.path('epilog.d'))).toBe(false);
    expect(site.hooks(['uninstall', '--flux']).stderr).toContain(site.path('housekeeping.d/unet'));
    const refused = site.hooks(['install', '--slurm', '--housekeeping']);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('--housekeeping is for --flux');
  });

  it('install says on stdout what slurm.conf needs', () => {
    const site = new Site();
    const { code, stdout } = site.hooks(['install', '--slurm']);
    expect(stdout).toBe(
      `Prolog=${site.path('unet-prolog')}\nEpilog=${site.path('unet-epilog')}\nPrologFlags=Alloc\n`,
    );
    expect(code).toBe(0);
    expect(JSON.parse(site.hooks(['install', '--slurm', '--json']).stdout)).toMatchObject({
      scheduler: 'slurm',
      slurmConf: stdout.trim().split('\n'),
    });
  });

  it('show tells what was edited, is of another version, has lost its unet, or is not of unet', () => {
    const site = new Site();
    site.hooks(['install', '--slurm']);
    const [prolog, epilog] = [site.path('unet-prolog'), site.path('unet-epilog')];
    const text = readFileSync(prolog, 'utf8');
    writeFileSync(
      prolog,
      text.replace(/^(# unet-hook \S+) \S+/m, '$1 0.0.1').replace(site.unet, '/gone/unet.js'),
    );
    writeFileSync(epilog, '#!/bin/sh\n');
    const { stdout } = site.hooks(['show', '--slurm']);
    expect(stdout).toMatch(
      /slurm prolog +edited, of another version than this \S+, its unet is gone: \/gone\/unet\.js/,
    );
    expect(stdout).toMatch(/slurm epilog +not of unet/);
  });

  it('install is repeatable, but does not overwrite what was edited or is not of unet', () => {
    const site = new Site();
    site.hooks(['install', '--slurm']);
    expect(site.hooks(['install', '--slurm', '--prolog-deadline', '1m']).code).toBe(0);
    const prolog = site.path('unet-prolog');
    expect(readFileSync(prolog, 'utf8')).toContain("deadline='60'");
    const edited = `${readFileSync(prolog, 'utf8')}# mine\n`;
    writeFileSync(prolog, edited);
    const refused = site.hooks(['install', '--slurm']);
    expect(refused.stderr).toMatch(/UNET_FOREIGN_FILE: .*unet-prolog was edited, and is not overwritten/);
    expect(refused.code).toBe(3);
    expect(readFileSync(prolog, 'utf8')).toBe(edited);
    expect(site.hooks(['install', '--slurm', '--force']).code).toBe(0);
    writeFileSync(prolog, '#!/bin/sh\necho of the site\n');
    const foreign = site.hooks(['install', '--slurm', '--force']);
    expect(foreign.stderr).toMatch(/unet-prolog is not a hook of unet, and is not overwritten/);
    expect(readFileSync(prolog, 'utf8')).toContain('of the site');
  });

  it('install does not follow a link', () => {
    const site = new Site();
    const target = join(site.directory, 'target');
    symlinkSync(target, site.path('unet-prolog'));
    expect(site.hooks(['install', '--slurm'])).toMatchObject({ code: 3 });
    expect(existsSync(target)).toBe(false);
  });

  it('uninstall removes what is ours, and nothing else', () => {
    const site = new Site();
    site.hooks(['install', '--flux']);
    writeFileSync(site.path('prolog.d/site'), '#!/bin/sh\n');
    expect(site.hooks(['uninstall', '--flux'])).toMatchObject({ code: 0 });
    expect(readdirSync(site.path('prolog.d'))).toEqual(['site']);
    expect(readdirSync(site.path('epilog.d'))).toEqual([]);
    const again = site.hooks(['uninstall', '--flux']);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('there are no hooks of unet') });
    writeFileSync(site.path('prolog.d/unet'), '#!/bin/sh\n');
    expect(site.hooks(['uninstall', '--flux'])).toMatchObject({ code: 3 });
    expect(existsSync(site.path('prolog.d/unet'))).toBe(true);
  });

  it.each(['install', 'uninstall'])('%s is for root', (action) => {
    const { code, stderr } = new Site().hooks([action, '--slurm'], { uid: NOBODY });
    expect(stderr).toContain(`UNET_NOT_ROOT: unet hooks ${action} must be run by root`);
    expect(code).toBe(3);
  });

  it('install refuses a directory that is missing, or that others can write', () => {
    const site = new Site();
    const missing = site.hooks(['install', '--slurm'], { dir: join(site.directory, 'none') });
    expect(missing.stderr).toMatch(/UNET_DIR_UNWRITABLE: .*none does not exist/);
    expect(missing.code).toBe(3);
    chmodSync(site.etc, 0o777);
    const open = site.hooks(['install', '--slurm']);
    expect(open.stderr).toMatch(/UNET_UNSAFE_PATH: .*etc is writable by everyone/);
    expect(open.code).toBe(3);
    chmodSync(site.etc, 0o755);
    chownSync(site.etc, NOBODY, NOBODY);
    expect(site.hooks(['install', '--slurm']).stderr).toMatch(/UNET_UNSAFE_PATH: .*another user/);
    expect(readdirSync(site.etc)).toEqual([]);
  });

  it('install refuses a unet that others could change, or that users cannot reach', () => {
    const site = new Site();
    chmodSync(site.unet, 0o775);
    expect(site.hooks(['install', '--slurm']).stderr).toMatch(/UNET_UNSAFE_PATH: .*can be changed by others/);
    chmodSync(site.unet, 0o755);
    chmodSync(join(site.directory, 'unet'), 0o700);
    expect(site.hooks(['install', '--slurm']).stderr).toMatch(/users cannot reach .*unet\.js/);
    expect(readdirSync(site.etc)).toEqual([]);
  });

  it('install refuses a command of the scheduler, or a PATH for users, that others could change', () => {
    const site = new Site();
    const scontrol = join(site.directory, 'scontrol');
    chmodSync(scontrol, 0o757);
    expect(site.hooks(['install', '--slurm']).stderr).toMatch(
      /UNET_UNSAFE_PATH: .*scontrol can be changed by others/,
    );
    chmodSync(scontrol, 0o755);
    chownSync(scontrol, NOBODY, NOBODY);
    expect(site.hooks(['install', '--slurm'])).toMatchObject({ code: 3 });
    chownSync(scontrol, 0, 0);
    const open = join(site.directory, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const path = site.hooks(['install', '--slurm', '--path', `/usr/bin:${open}`]);
    expect(path.stderr).toMatch(/UNET_UNSAFE_PATH: .*open can be changed by others/);
    expect(site.hooks(['install', '--slurm', '--path', '/usr/bin:bin']).stderr).toContain(
      '"bin" is not an absolute path',
    );
    expect(readdirSync(site.etc)).toEqual([]);
    expect(site.hooks(['install', '--slurm', '--path', '/usr/bin:/bin:/not/there'])).toMatchObject({
      code: 0,
    });
  });

  it.each([
    [['install'], 'needs either --flux or --slurm'],
    [['install', '--flux', '--slurm'], 'needs either --flux or --slurm'],
    [['show'], '--dir needs --flux or --slurm'],
    [['instal', '--flux'], 'did you mean install'],
    [['install', '--slurm', '--prolog-deadline', 'soon'], 'is not a duration'],
  ])('%j is wrong use, and says what was meant', (args, message) => {
    const { code, stderr } = new Site().hooks(args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

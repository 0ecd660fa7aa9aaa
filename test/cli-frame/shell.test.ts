/** What needs a real program: shells that complete, and pipes whose reader goes away. */
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'unet-shell-'));
  const banner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";
  await build({
    entryPoints: [join(import.meta.dirname, 'program.ts')],
    outfile: join(directory, 'unet.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: banner },
    logLevel: 'error',
  });
  const starter = `#!/bin/sh\nexec "${process.execPath}" "${directory}/unet.mjs" "$@"\n`;
  await writeFile(join(directory, 'unet'), starter);
  await chmod(join(directory, 'unet'), 0o755);
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

function shell(name: string, script: string, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(name, ['-c', script], {
    encoding: 'utf8',
    timeout: 20_000,
    env: { PATH: `${directory}:${process.env.PATH}`, HOME: directory, UNET_CONFIG: '/dev/null', ...env },
  });
  return { status, stdout, stderr };
}

/** What bash would offer for the last of `words`. */
function completeInBash(words: readonly string[], env: Record<string, string> = {}): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const { stdout, stderr } = shell(
    'bash',
    `source <(unet completion bash)
     COMP_WORDS=(${quoted}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
     complete -p unet >/dev/null || exit 9
     _unet_yargs_completions
     printf '%s\\n' "\${COMPREPLY[@]}"`,
    env,
  );
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  it('offers commands', () => {
    expect(completeInBash(['unet', ''])).toEqual([
      'up',
      'run',
      'kubectl',
      'attr',
      'config',
      'completion',
      'lines',
    ]);
    expect(completeInBash(['unet', 'ku'])).toEqual(['kubectl']);
  });

  it('offers the flags of the command, their choices, and those of positionals', () => {
    expect(completeInBash(['unet', 'up', '--join-v'])).toEqual(['--join-via']);
    expect(completeInBash(['unet', 'up', '--join-via', ''])).toEqual([
      'auto',
      'shared-fs',
      'flux-archive',
      'stdio',
    ]);
    expect(completeInBash(['unet', 'attr', 'kube'])).toEqual(['kubeconfig']);
    expect(completeInBash(['unet', 'attr', '--shell', ''])).toEqual(['sh', 'csh']);
  });

  it('leaves the words behind -- and of kubectl to others', () => {
    expect(completeInBash(['unet', 'run', '--', 'u'])).toEqual([]);
    expect(completeInBash(['unet', 'kubectl', 'u'])).toEqual([]);
  });

  it('is the same where the login shell is zsh', () => {
    expect(completeInBash(['unet', 'up', '--join-v'], { SHELL: '/bin/zsh' })).toEqual(['--join-via']);
  });

  it('is made for the shell that is named, or that of $SHELL', () => {
    const script = (line: string, SHELL: string) => shell('sh', line, { SHELL }).stdout.split('\n')[0];
    expect(script('unet completion zsh', '/bin/bash')).toBe('#compdef unet');
    expect(script('unet completion', '/usr/bin/zsh')).toBe('#compdef unet');
    expect(script('unet completion bash', '/usr/bin/zsh')).toBe('###-begin-unet-completions-###');
    expect(shell('sh', 'unet completion', { SHELL: '/bin/tcsh' })).toMatchObject({ status: 2, stdout: '' });
  });
});

const zsh = spawnSync('zsh', ['-fc', 'autoload -Uz compinit && compinit -u -D']).status === 0;

describe.skipIf(!zsh)('completion in zsh', () => {
  it('registers itself and offers choices and described commands', () => {
    const { stdout } = shell(
      'zsh',
      `autoload -Uz compinit; compinit -u -D
       source <(unet completion zsh)
       print -- "for unet: \${_comps[unet]}"
       _describe() { print -l -- "\${reply[@]}" }
       words=(unet up --join-via s); CURRENT=4; _unet_yargs_completions
       words=(unet ''); CURRENT=2; _unet_yargs_completions`,
    );
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'for unet: _unet_yargs_completions',
      'shared-fs',
      'stdio',
      'up:bring the cluster up in this allocation',
    ]);
  });
});

describe('a reader that goes away', () => {
  it('ends a command quietly', () => {
    const { stdout, stderr } = shell('bash', 'set -o pipefail; unet lines | head -1; echo $?');
    expect(stdout).toBe('line\n0\n');
    expect(stderr).toBe('the reader has gone\n');
  });

  it('does not change what a command that fails says by its exit code', () => {
    const { stdout } = shell('bash', 'unet frobnicate 2> >(exec true); echo $?');
    expect(stdout).toBe('2\n');
  });

  it('is not a full disk, which is an error', () => {
    const { status, stderr } = shell('bash', 'unet config > /dev/full');
    expect(status).toBe(1);
    expect(stderr).toContain('UNET_DISK_FULL');
  });
});

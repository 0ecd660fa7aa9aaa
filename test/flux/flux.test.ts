import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { archivesOf, createArchive, extractArchive, removeArchive } from '../../src/flux/archive.ts';
import { cleanupCommand } from '../../src/flux/cleanup.ts';
import { describeExit, fluxExecArgv, parseComplaint } from '../../src/flux/exec.ts';
import { fluxEnvironment } from '../../src/flux/flux.ts';
import { birth, fileDistribution, getattr, isEnding, timeLeft } from '../../src/flux/instance.ts';
import { decimalJobId } from '../../src/flux/job-id.ts';
import { program, scratch } from '../process/scratch.ts';
import { type Answers, BIRTH, calls, fakeFlux, recorded } from './fake-flux.ts';

function instance(answers: Answers = {}) {
  const directory = scratch();
  const PATH = fakeFlux(directory, answers);
  return { directory, options: { env: { ...fluxEnvironment({ FLUX_URI: 'local:///x' }), PATH } } };
}

describe('an instance of Flux', () => {
  it('says its attributes, and which ones it has not', async () => {
    const { options } = instance();
    expect(await getattr('hostlist', options)).toBe('vm,vm');
    expect(await getattr('no-such', options)).toBeUndefined();
  });

  it('has a time limit, or none', async () => {
    expect(await timeLeft(instance().options)).toBe(599_000);
    expect(await timeLeft(instance({ timeLeft: '4294967295' }).options)).toBeUndefined();
  });

  it('is told from others by its first moment', async () => {
    expect(await birth(instance().options)).toBe(BIRTH);
  });

  it.each([
    [recorded('uptime.stdout'), false],
    [' 17:15:45 cleanup 0.1s,  owner root,  depth 1,  size 2\n', true],
    [' 17:15:45 shutdown 0.1s,  owner root,  depth 1,  size 2\n', true],
  ])('knows from %j whether it is ending', async (uptime, ending) => {
    expect(await isEnding(instance({ uptime }).options)).toBe(ending);
  });

  it('whose broker is gone says so, and what to do', async () => {
    const { options } = instance({ before: 'echo "flux: flux_open: No such file or directory" >&2; exit 1' });
    await expect(getattr('rank', options)).rejects.toMatchObject({
      code: 'UNET_ALLOCATION_UNREADABLE',
      message: expect.stringContaining('FLUX_URI is local:///x, and no broker answers there'),
      details: { remedy: expect.stringContaining('unset FLUX_URI') },
    });
  });

  it('without flux on PATH says what to load', async () => {
    const env = { ...fluxEnvironment({ FLUX_URI: 'local:///x' }), PATH: scratch() };
    await expect(getattr('rank', { env })).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
      details: { remedy: expect.stringContaining('flux') },
    });
  });

  it('gets nothing of an outer step', () => {
    const env = fluxEnvironment({ FLUX_URI: 'local:///x', FLUX_JOB_ID: 'f1', FLUX_KVS_NAMESPACE: 'job-1' });
    expect(Object.keys(env).filter((name) => name.startsWith('FLUX_'))).toEqual([
      'FLUX_URI',
      'FLUX_F58_FORCE_ASCII',
    ]);
  });

  it.each([
    ['0.88.0-59-g4a5e79f56', 'archive'],
    ['0.60.0', 'archive'],
    ['0.59.0', 'filemap'],
    ['1.2.0', 'archive'],
    ['0.40.0', undefined],
    ['', undefined],
  ])('of version %j gives files by %s', (version, files) => {
    expect(fileDistribution(version)).toBe(files);
  });
});

describe('a job id', () => {
  it('is the same in F58 and in decimal, as the recorded job and its KVS namespace', () => {
    expect(recorded('run-env.txt')).toContain('FLUX_KVS_NAMESPACE=job-52126810112');
    expect(recorded('run-env.txt')).toContain('FLUX_JOB_ID=ƒ2NRGXaP');
    expect(decimalJobId('f2NRGXaP')).toBe('52126810112');
    expect(decimalJobId('ƒ2NRGXaP')).toBe('52126810112');
    expect(decimalJobId('f1')).toBe('0');
  });

  it('that is none is not taken', () => {
    expect(decimalJobId('f0OIl')).toBeUndefined();
    expect(decimalJobId('52126810112')).toBeUndefined();
    expect(decimalJobId('f$(id)')).toBeUndefined();
  });
});

describe('flux exec', () => {
  it('brings the stdout of the command out on stderr, and keeps its arguments', () => {
    const [, , , , , , ...remote] = fluxExecArgv(1, ['echo', 'a b', '$HOME']);
    const [file = '', ...args] = remote;
    const both = `"$@" 2>&1 >/dev/null`;
    expect(execFileSync('sh', ['-c', both, 'sh', file, ...args], { encoding: 'utf8' })).toBe('a b $HOME\n');
  });

  it('complains in lines that are told from those of the command', () => {
    const lastLine = (name: string) => recorded(name).trim().split('\n').at(-1) ?? '';
    expect(parseComplaint(lastLine('exec-missing-command.stderr'))).toBe(
      'nosuchcmd: error launching process: No such file or directory',
    );
    expect(parseComplaint(lastLine('exec-nonexistent-rank.stderr'))).toBe(
      'One or more invalid --ranks specified: 7',
    );
    // The shell is ours. Seen when a broker was lost.
    expect(parseComplaint('flux-exec: Error: rank 1: sh: No route to host')).toBe('No route to host');
    expect(parseComplaint(lastLine('exec-failing.stderr'))).toBeUndefined();
    expect(parseComplaint('{"type":"hello"}')).toBeUndefined();
  });

  it.each([
    [127, 'not found there: x'],
    [126, 'not executable there: x'],
    [68, 'its broker is lost or was never there: x'],
    [137, 'was ended by signal 9'],
    [3, 'exited with 3: x'],
  ])('exit code %i means "%s"', (code, meaning) => {
    expect(describeExit(code, 'x')).toBe(meaning);
  });
});

describe('an archive', () => {
  it('comes out as it went in, is replaced by the next of its name, and goes', async () => {
    const { directory, options } = instance();
    const [from, to, then] = ['from', 'to', 'then'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [from, to, then]) {
      mkdirSync(path);
    }
    const archive = { ...options, name: 'unet-a-1' };
    writeFileSync(join(from, 'f'), 'one', { mode: 0o600 });
    await createArchive(archive, from, 'f');
    expect(await extractArchive(archive, to)).toBe(true);
    expect(readFileSync(join(to, 'f'), 'utf8')).toBe('one');
    expect(statSync(join(to, 'f')).mode & 0o777).toBe(0o600);
    writeFileSync(join(from, 'f'), 'two');
    await createArchive(archive, from, 'f');
    await extractArchive(archive, then);
    expect(readFileSync(join(then, 'f'), 'utf8')).toBe('two');
    expect(await archivesOf('unet-a-', options)).toEqual(['unet-a-1']);
    expect(await archivesOf('unet-b-', options)).toEqual([]);
    await removeArchive(archive);
    await removeArchive(archive);
    expect(await archivesOf('unet-a-', options)).toEqual([]);
  });

  it('is made without --overwrite the first time, which those who wait for it would be told of', async () => {
    const { directory, options } = instance();
    writeFileSync(join(directory, 'f'), '');
    await createArchive({ ...options, name: 'n' }, directory, 'f');
    expect(calls(directory).join('\n')).not.toContain('--overwrite');
  });

  it('that does not come within the time is not there yet', async () => {
    const { directory, options } = instance();
    expect(await extractArchive({ ...options, name: 'n' }, directory)).toBe(false);
  });

  it.each(['archive-extract-missing.stderr', 'archive-extract-missing-wait.stderr'])(
    '%s means the same',
    async (file) => {
      const { directory, options } = instance({ before: `cat >&2 <<'END'\n${recorded(file)}END\nexit 1` });
      expect(await extractArchive({ ...options, name: 'nope' }, directory)).toBe(false);
    },
  );

  it('whose name is taken replaces what is there, and if it cannot says what to remove', async () => {
    const before = `case "$1 $2" in "archive create")
      cat >&2 <<'END'\n${recorded('archive-create-again.stderr')}END\nexit 1;; esac`;
    const { directory, options } = instance({ before });
    await expect(createArchive({ ...options, name: 'unet-a-join-1' }, directory, 'f')).rejects.toMatchObject({
      code: 'UNET_FLUX_ARCHIVE',
      exitCode: 1,
      message: expect.stringMatching(/^the name unet-a-join-1 is taken .*key exists$/),
      details: { remedy: expect.stringContaining('flux archive remove --name unet-a-join-1') },
    });
    expect(calls(directory)).toEqual([
      expect.not.stringContaining('--overwrite'),
      expect.stringContaining('--overwrite'),
    ]);
  });

  it('is for the owner of the instance', async () => {
    const before = 'echo "flux-archive: kvs commit: Operation not permitted" >&2; exit 1';
    const { directory, options } = instance({ before });
    await expect(createArchive({ ...options, name: 'n' }, directory, 'f')).rejects.toMatchObject({
      code: 'UNET_FLUX_GUEST',
      fatal: true,
    });
  });
});

describe('what is run at the end of the script', () => {
  const run = (command: string) => execFileSync('sh', ['-c', `${command} 2>&1`], { encoding: 'utf8' });

  it('is silent when it succeeds, and heard when it fails', () => {
    const directory = scratch();
    const good = program(directory, "it's good", '#!/bin/sh\necho "$@" > "$0.args"\necho done\n');
    expect(run(cleanupCommand([good, 'a b', '$HOME'], directory))).toBe('');
    expect(readFileSync(`${good}.args`, 'utf8')).toBe('a b $HOME\n');
    const bad = program(directory, 'bad', '#!/bin/sh\necho trouble >&2\nexit 1\n');
    expect(() => run(cleanupCommand([bad], directory))).toThrow(
      expect.objectContaining({ stdout: 'trouble\n' }),
    );
  });

  it('is not run when there is nothing left to take down', () => {
    const directory = scratch();
    const command = program(directory, 'down', '#!/bin/sh\ntouch "$0.ran"\n');
    run(cleanupCommand([command], join(directory, 'gone')));
    expect(readdirSync(directory)).toEqual(['down']);
  });
});

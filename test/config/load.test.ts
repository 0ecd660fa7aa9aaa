import { chmod, chown, lchown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type LoadOptions, loadSettings } from '../../src/config/load.ts';
import { settingLeaves, settingText } from '../../src/config/options.ts';
import { UnetError } from '../../src/errors.ts';

// Not our own private group, whose id is our user id.
const OTHER_GROUP = 4243;

let home: string;
let project: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'unet-config-'));
  project = join(home, 'project');
  await mkdir(join(home, '.config', 'unet'), { recursive: true });
  await mkdir(join(project, 'deep', 'down'), { recursive: true });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

type Given = {
  flags?: LoadOptions['flags'];
  env?: Record<string, string>;
  cwd?: string;
  only?: LoadOptions['only'];
};

function load({ flags, env = {}, cwd = project, only }: Given = {}) {
  return loadSettings({ flags, env: { HOME: home, ...env }, cwd, only });
}

async function projectFile(text: string): Promise<string> {
  const path = join(project, 'unet.yaml');
  await writeFile(path, text, { mode: 0o644 });
  return path;
}

async function userFile(text: string): Promise<string> {
  const path = join(home, '.config', 'unet', 'config.yaml');
  await writeFile(path, text, { mode: 0o644 });
  return path;
}

async function complaints(given: Given): Promise<string[]> {
  const error = await load(given).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!UnetError.is(error)) {
    throw new Error('nothing was complained about', { cause: error });
  }
  return [error.code, ...error.message.split('\n')];
}

describe('where a setting comes from', () => {
  it('is the default when nothing says otherwise', async () => {
    const { settings, origins, files } = await load();
    expect(settings.timeout).toBe(900_000);
    expect(settings.stepTimeouts.up).toBe(600_000);
    expect(settings).not.toHaveProperty('nodes');
    expect(origins.timeout).toEqual({ value: 900_000, source: 'default', where: 'default' });
    expect(files).toEqual([]);
  });

  it('is a line of the nearest unet.yaml of a parent directory', async () => {
    const path = await projectFile('# ours\nnodes: 3\nstep-timeouts:\n  up: 5m\n');
    const { settings, origins } = await load({ cwd: join(project, 'deep', 'down') });
    expect(settings.nodes).toBe(3);
    expect(origins.nodes).toEqual({ value: 3, source: 'file', where: `${path}:2` });
    expect(origins['stepTimeouts.up']).toEqual({ value: 300_000, source: 'file', where: `${path}:4` });
    expect(origins['stepTimeouts.join']?.source).toBe('default');
  });

  it('is not searched above the home directory', async () => {
    await writeFile(join(home, 'unet.yaml'), 'nodes: 3\n', { mode: 0o644 });
    const inner = join(project, 'home');
    await mkdir(join(inner, 'work'), { recursive: true });
    const { settings } = await load({ cwd: join(inner, 'work'), env: { HOME: inner } });
    expect(settings.nodes).toBeUndefined();
  });

  it('is the file that --config or UNET_CONFIG names, and then no other unet.yaml', async () => {
    await projectFile('nodes: 3\n');
    const other = join(home, 'other.yaml');
    await writeFile(other, 'min-nodes: 2\n', { mode: 0o644 });
    for (const given of [{ flags: { config: '../other.yaml' } }, { env: { UNET_CONFIG: other } }]) {
      const { settings, files } = await load(given);
      expect(settings.minNodes).toBe(2);
      expect(settings.nodes).toBeUndefined();
      expect(files).toEqual([other]);
    }
  });

  it('is one step of --step-timeout, leaving the others as they were', async () => {
    await projectFile('step-timeouts: { up: 5m, join: 4m }\n');
    const env = { UNET_STEP_TIMEOUT_AWAIT_JOIN: '3m' };
    const { settings, origins } = await load({ env, flags: { stepTimeouts: ['up=90', 'dns=7s'] } });
    const { up, join: joining, dns, 'await-join': awaiting } = settings.stepTimeouts;
    expect([up, joining, dns, awaiting]).toEqual([90_000, 240_000, 7000, 180_000]);
    expect(origins['stepTimeouts.up']?.where).toBe('--step-timeout up');
    expect(origins['stepTimeouts.await-join']?.where).toBe('UNET_STEP_TIMEOUT_AWAIT_JOIN');
  });

  it('follows flags, variables, unet.yaml, user config, defaults in this order, for every setting', async () => {
    const leaves = settingLeaves();
    const sources = ['flag', 'environment', 'file', 'user file'] as const;
    const choice = fc.record({
      leaf: fc.constantFrom(...leaves),
      // A value for each source, or none.
      given: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)),
    });
    await fc.assert(
      fc.asyncProperty(choice, async ({ leaf, given }) => {
        const values = given.map((n) => (n === 0 ? undefined : sample(leaf, n - 1)));
        const [flag, variable, file, user] = values.map((value) =>
          value === undefined ? undefined : settingText(leaf.kind, value),
        );
        const line = (text: string | undefined) => {
          const [outer = '', inner] = leaf.file.split('.');
          const value = leaf.kind === 'list' ? text && JSON.stringify(text.split('\n')) : text;
          return value === undefined
            ? ''
            : inner === undefined
              ? `${outer}: ${value}\n`
              : `${outer}: { ${inner}: ${value} }\n`;
        };
        await projectFile(line(file));
        await userFile(line(user));
        const flags =
          leaf.step === undefined ? { [leaf.key]: flag } : { stepTimeouts: flag && [`${leaf.step}=${flag}`] };
        const env = variable === undefined ? {} : { [leaf.variable]: variable };
        const { origins } = await load({ flags, env });
        const winner = values.findIndex((value) => value !== undefined);
        expect(origins[leaf.path]?.source).toBe(winner < 0 ? 'default' : sources[winner]);
        expect(origins[leaf.path]?.value).toEqual(winner < 0 ? leaf.defaultValue : values[winner]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('how values are read', () => {
  it('makes paths absolute: from a file against the file, else against the current directory', async () => {
    await projectFile('job-dir: jobs\nrelease: ./usernetes\n');
    const cwd = join(project, 'deep');
    const { settings } = await load({ cwd, env: { UNET_NODE_DIR: '~/local' } });
    expect(settings.jobDir).toBe(join(project, 'jobs'));
    expect(settings.release).toBe(join(project, 'usernetes'));
    expect(settings.nodeDir).toBe(join(home, 'local'));
    expect((await load({ cwd, flags: { jobDir: 'mine' } })).settings.jobDir).toBe(join(cwd, 'mine'));
  });

  it('keeps a text that looks like a number as it was written', async () => {
    await projectFile('name: 007\n');
    expect((await load()).settings.name).toBe('007');
  });

  it('takes an empty variable for one that is not set', async () => {
    expect((await load({ env: { UNET_NODES: '' } })).settings.nodes).toBeUndefined();
  });

  it('takes /dev/null for no configuration file', async () => {
    await projectFile('nodes: 3\n');
    expect((await load({ env: { UNET_CONFIG: '/dev/null' } })).settings.nodes).toBeUndefined();
  });
});

describe('what is wrong', () => {
  it('is said all at once, each in a line with its place, its value and what would be right', async () => {
    const path = await projectFile('nodes: many\njoin-via: stdoi\nmin-node: 2\nstep-timeouts:\n  jion: 3m\n');
    const lines = await complaints({
      env: { UNET_RETAIN: 'maybe' },
      flags: { timeout: 'soon', joinWindow: '257' },
    });
    expect(lines[0]).toBe('UNET_CONFIG_INVALID');
    expect(lines.slice(1).sort()).toEqual(
      [
        '--join-window: "257" is not a whole number from 1 to 256',
        '--timeout: "soon" is not a duration such as 90s, 10m or 2h',
        'UNET_RETAIN: "maybe" is not true or false',
        `${path}:1: nodes "many" is not a whole number from 1`,
        `${path}:2: join-via "stdoi" is not one of auto, shared-fs, flux-archive, stdio; did you mean stdio?`,
        `${path}:3: unknown key "min-node"; did you mean min-nodes?`,
        `${path}:5: unknown key "step-timeouts.jion"; did you mean step-timeouts.join?`,
      ].sort(),
    );
  });

  it('can be a number that only looks like one', async () => {
    for (const text of ['true', 'null', '[3]', '3.5', '-1', '0', '""']) {
      await projectFile(`nodes: ${text}\n`);
      expect((await complaints({}))[0], text).toBe('UNET_CONFIG_INVALID');
    }
  });

  it('can be a duration that no timer of Node can wait for', async () => {
    const [, line] = await complaints({ flags: { timeout: '30d' } });
    expect(line).toBe('--timeout: "30d" is not a duration such as 90s, 10m or 2h');
  });

  it('can be the syntax, with its line', async () => {
    const path = await projectFile('nodes: 3\nname: [a\n');
    const [code, line] = await complaints({});
    expect(code).toBe('UNET_CONFIG_INVALID');
    expect(line).toMatch(`${path}:`);
  });

  it('can be a step timeout without a step', async () => {
    const [, ...lines] = await complaints({ flags: { stepTimeouts: ['5m', 'jion=1m'] } });
    expect(lines).toEqual([
      '--step-timeout "5m" is not STEP=DURATION, such as up=5m',
      '--step-timeout: there is no step "jion"; did you mean join?',
    ]);
  });

  it('can be two settings that contradict each other', async () => {
    const path = await projectFile('min-nodes: 5\n');
    const [, line] = await complaints({ flags: { nodes: '3' } });
    expect(line).toBe(`${path}:1: min-nodes 5 is more than nodes 3 (--nodes)`);
  });

  it('can be a file that everybody may write', async () => {
    const path = await projectFile('nodes: 3\n');
    await chmod(path, 0o646);
    expect(await complaints({})).toEqual(['UNET_UNSAFE_PATH', `${path} is writable by everyone`]);
  });

  it.skipIf(process.getuid?.() !== 0)('can be a file of another user', async () => {
    const { chown } = await import('node:fs/promises');
    const path = await projectFile('nodes: 3\n');
    await chown(path, 4242, 4242);
    expect(await complaints({})).toEqual(['UNET_UNSAFE_PATH', `${path} belongs to another user (uid 4242)`]);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'can be a file that its group may write, unless the user trusts them',
    async () => {
      const path = await projectFile('nodes: 3\n');
      await chmod(path, 0o664);
      await chown(path, process.getuid?.() ?? 0, OTHER_GROUP);
      expect(await complaints({})).toEqual([
        'UNET_UNSAFE_PATH',
        `${path} is writable by its group (id ${OTHER_GROUP})`,
      ]);
      vi.stubEnv('UNET_TRUSTED_PATHS', `/nowhere:${dirname(path)}`);
      expect((await load({})).settings.nodes).toBe(3);
    },
  );

  it.skipIf(process.getuid?.() !== 0)(
    'can be another user’s link to a file of our own, whose directory it is not',
    async () => {
      const path = await projectFile('nodes: 3\nrelease: ./release\n');
      const shared = join(dirname(path), 'shared');
      await mkdir(shared);
      await symlink(path, join(shared, 'unet.yaml'));
      const { settings } = await load({ cwd: shared });
      expect(settings.release).toBe(join(dirname(path), 'release'));
      await lchown(join(shared, 'unet.yaml'), 4242, 4242);
      const [code, line] = await complaints({ cwd: shared });
      expect(code).toBe('UNET_UNSAFE_PATH');
      expect(line).toMatch(/^ignoring .*unet\.yaml: .* is a symbolic link of another user \(id 4242\)$/);
      const { settings: few, warnings } = await load({ cwd: shared, only: ['jobDir'] });
      expect(few.nodes).toBeUndefined();
      expect(warnings).toEqual([expect.stringMatching(/^ignored: .*is a symbolic link of another user/)]);
    },
  );

  it('can be a named file that is not there, or is none', async () => {
    expect((await complaints({ flags: { config: 'nope.yaml' } }))[1]).toMatch(
      /^--config: .*nope.yaml does not exist$/,
    );
    expect((await complaints({ env: { UNET_CONFIG: project } }))[1]).toBe(`${project} is not a regular file`);
  });
});

describe('what is only odd', () => {
  it('is a variable that unet does not know, but not one that is its own', async () => {
    const env = { UNET_NODEZ: '3', UNET_REHEARSAL: 'join:fail=1', UNET_JOB_ID: 'slurm-1', UNET_CACHE: '/c' };
    const { warnings } = await load({ env });
    expect(warnings).toEqual(["the variable UNET_NODEZ is not one of unet's; did you mean UNET_NODES?"]);
  });

  it('is a mistake in a setting that the command does not use', async () => {
    const path = await projectFile('nodes: many\nnmae: x\n');
    const { warnings } = await load({ only: ['name', 'jobDir'] });
    expect(warnings.sort()).toEqual([
      `ignored: ${path}:1: nodes "many" is not a whole number from 1`,
      `ignored: ${path}:2: unknown key "nmae"; did you mean name?`,
    ]);
  });
});

const LISTS: Record<string, string[]> = {
  mount: ['/a:/b:ro', '/a b/$HOME:/c', '/d:/e'],
  publish: ['8080:80', '127.0.0.1:8080:80', '53:53/udp'],
  device: ['/dev/fuse', 'nvidia.com/gpu=all', '/dev/a:/dev/b:rw'],
  ulimit: ['memlock=unlimited', 'nofile=1024:65536', 'nproc=-1'],
  env: ['A=', 'B=x y: "$z"', "C=#'1"],
  caCert: ['/a.pem', '/b c.pem', '/d.pem'],
  mirror: ['https://a/=https://b/', 'git@a:=file:///b', 'https://a/b=ssh://c/'],
};

/** One of three right values for a setting. */
function sample(leaf: ReturnType<typeof settingLeaves>[number], index: number): unknown {
  switch (leaf.kind) {
    case 'choice':
      return leaf.choices?.[index % (leaf.choices.length || 1)];
    case 'count':
      return [7, 8, 9][index];
    case 'duration':
      // Long for silence, short for the heartbeat: they may not contradict each other.
      return leaf.key === 'heartbeat' ? [1000, 2000, 1500][index] : [60_000, 90_000, 3_600_000][index];
    case 'switch':
      return index === 0;
    case 'path':
      return `/dir/${index}`;
    case 'text':
      return leaf.key === 'gpus' ? ['all', '0', '0,1'][index] : `text${index}`;
    case 'list':
      return (LISTS[leaf.key] ?? []).slice(index);
  }
}

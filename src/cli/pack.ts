/** `unet pack`: everything that a cluster needs, in one file for nodes without internet. */
import { resolve } from 'node:path';
import { EXIT, UnetError } from '../errors.ts';
import { formatBytes } from '../events/bytes.ts';
import { createPack } from '../pack/create.ts';
import { describePack } from '../pack/describe.ts';
import type { Compression } from '../pack/manifest.ts';
import { COMPRESSIONS } from '../pack/manifest.ts';
import { openPack, verifyMembers } from '../pack/reader.ts';
import { createPackView } from '../pack/view.ts';
import { childEnvironment } from '../process/environment.ts';
import { provisionSettings } from '../provision/from-settings.ts';
import { rehearsalDirectory } from '../provision/rehearsal-directory.ts';
import { VERSION } from '../version.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';

const ACTIONS = ['create', 'inspect', 'verify'] as const;

type Args = {
  action?: (typeof ACTIONS)[number];
  pack?: string;
  out?: string;
  'node-image'?: string;
  images?: string[];
  kubectl?: string;
  compress?: Compression;
};

export const pack: CommandModule<Args> = {
  command: 'pack [action] [pack]',
  describe: 'release, images and kubectl in one file, for nodes without internet; inspect or verify one',
  group: 'site',
  example: [
    ['unet pack -o unet.pack', 'on a login node: builds the node image of the release, and packs it'],
    [
      'unet pack --images cni.tar --images docker.io/library/nginx:1 -o my.pack',
      'with images for the cluster',
    ],
    ['unet pack inspect my.pack', 'what is in it'],
    ['unet up --pack my.pack', 'in the job'],
  ],
  settings: [
    'release',
    'provision',
    'cache',
    'cacheFrom',
    'mirror',
    'nodeDir',
    'nodeDirShared',
    'engine',
    'compose',
    'stepTimeouts',
    'output',
  ],
  json: true,
  positionals: {
    action: { type: 'string', choices: ACTIONS, describe: 'create (without one), inspect or verify' },
    pack: { type: 'string', describe: 'the pack to inspect or to verify' },
  },
  builder: {
    out: { type: 'string', alias: 'o', describe: 'the pack to write' },
    'node-image': { type: 'string', describe: 'image or archive instead of building the release’s own' },
    images: {
      type: 'string',
      array: true,
      describe: 'image or archive to load into every node (repeatable, or separated by commas)',
    },
    kubectl: { type: 'string', describe: 'the kubectl to pack, or none (default: the one on PATH)' },
    compress: {
      type: 'string',
      choices: COMPRESSIONS,
      describe: 'default: zstd where it is installed, else gzip',
    },
  },
  async handler(context) {
    const { args } = context;
    switch (args.action ?? 'create') {
      case 'create':
        return await create(context);
      case 'inspect':
        return await inspect(context);
      case 'verify':
        return await verify(context);
    }
  },
};

async function create(context: CommandContext<Args>): Promise<number> {
  const { args, settings, env, cwd, signal, stderr, stdout, json, say, out } = context;
  if (args.out === undefined) {
    throw new UnetError('UNET_USAGE', 'unet pack needs -o FILE, the pack to write');
  }
  if (args.pack !== undefined) {
    throw new UnetError('UNET_USAGE', `unexpected argument ${args.pack}; name the pack to write with -o`);
  }
  const view = createPackView({ output: settings.output, stream: stderr, resultStream: stdout, env });
  try {
    const { file, bytes, manifest } = await createPack({
      destination: resolve(cwd, args.out),
      release: settings.release,
      provision: provisionSettings(settings, say),
      nodeImage: args['node-image'],
      images: (args.images ?? []).flatMap((words) => words.split(',')).filter((word) => word !== ''),
      kubectl: args.kubectl,
      compression: args.compress,
      engine: settings.engine,
      compose: settings.compose,
      env: childEnvironment(env),
      cwd,
      rehearsalDir: rehearsalDirectory(),
      unet: VERSION,
      timeouts: { stage: settings.stepTimeouts.stage, image: IMAGE_TIMEOUT_MS },
      signal,
      onEvent: view.event,
    });
    view.end();
    if (json) {
      out(JSON.stringify({ type: 'pack', file, bytes, manifest }));
    } else {
      say(`${file}: ${formatBytes(bytes)}; next: unet up --pack ${file} in a job`);
    }
    return EXIT.done;
  } catch (error) {
    view.end();
    if (signal.aborted) {
      say('interrupted; run the same command again to continue');
    }
    throw error;
  }
}

// A build downloads and compiles; on a slow line that takes a while.
const IMAGE_TIMEOUT_MS = 2 * 3_600_000;

async function inspect({ args, cwd, json, out }: CommandContext<Args>): Promise<number> {
  const found = await openPack(named(args, cwd));
  if (json) {
    const { path, id, bytes, manifest } = found;
    out(JSON.stringify({ file: path, id, bytes, ...manifest }));
  } else {
    describePack(found).forEach((line) => void out(line));
  }
  return EXIT.done;
}

async function verify(context: CommandContext<Args>): Promise<number> {
  const { args, settings, env, cwd, signal, stderr, stdout, json, out } = context;
  const found = await openPack(named(args, cwd));
  const view = createPackView({ output: settings.output, stream: stderr, resultStream: stdout, env });
  const total = found.manifest.members.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  try {
    await verifyMembers(found, {
      signal,
      onBytes: (count) => {
        bytes += count;
        view.event({ type: 'verified', path: found.path, bytes, total });
      },
    });
  } finally {
    view.end();
  }
  if (json) {
    out(JSON.stringify({ type: 'pack', file: found.path, id: found.id, bytes: found.bytes, valid: true }));
  }
  return EXIT.done;
}

function named({ action, pack: file, out }: Args, cwd: string): string {
  if (out !== undefined) {
    throw new UnetError('UNET_USAGE', `unet pack ${action} writes nothing and takes no -o`);
  }
  if (file === undefined) {
    throw new UnetError('UNET_USAGE', `unet pack ${action} needs a pack: unet pack ${action} FILE`);
  }
  return resolve(cwd, file);
}

/** `unet hooks install`, `uninstall` and `show`: prolog and epilog of a system's scheduler, written by its administrator. */
import { dirname, resolve } from 'node:path';
import { EXIT, UnetError } from '../errors.ts';
import { tableLines } from '../events/table.ts';
import { exists } from '../files/exists.ts';
import { lookAt, needRoot, prepareDirectory, removeHook, writeHook } from '../hooks/install.ts';
import { checkTools, checkUserPath, ownProgram, schedulerCommand } from '../hooks/own-program.ts';
import { HOOK_SCHEDULERS, type HookScheduler, hooksOf } from '../hooks/schedulers.ts';
import { hookScript, readSetting } from '../hooks/script.ts';
import type { HookName } from '../scheduler/hooks.ts';
import { parseDuration } from '../setting/duration.ts';
import { VERSION } from '../version.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';

const ACTIONS = ['install', 'uninstall', 'show'] as const;
const USER_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

type Args = {
  action: (typeof ACTIONS)[number];
  dir?: string;
  path?: string;
  'prolog-deadline': string;
  'epilog-deadline': string;
  'fail-job': boolean;
  'ask-slurmctld': boolean;
  housekeeping: boolean;
  force: boolean;
} & Partial<Record<HookScheduler, boolean>>;

export const hooks: CommandModule<Args> = {
  command: 'hooks <action>',
  describe:
    'install, uninstall or show the prolog and epilog of a system’s Flux or Slurm (for administrators)',
  group: 'site',
  example: [
    ['sudo unet hooks install --flux', 'for jobs with --setattr=user.usernetes=yes'],
    ['sudo unet hooks install --slurm', 'for jobs with --comment=usernetes; says what slurm.conf needs'],
    ['unet hooks show --json', 'what is installed, of which version, and whether it was edited'],
  ],
  settings: [],
  json: true,
  positionals: {
    action: { type: 'string', choices: ACTIONS, describe: 'install, uninstall or show', demandOption: true },
  },
  builder: {
    ...Object.fromEntries(
      HOOK_SCHEDULERS.map((name) => [name, { type: 'boolean' as const, describe: `the hooks of ${name}` }]),
    ),
    dir: { type: 'string', describe: 'configuration directory; default /etc/flux/system, /etc/slurm' },
    path: {
      type: 'string',
      describe: 'PATH of what runs as the user; default the usual places and the scheduler’s',
    },
    'prolog-deadline': { type: 'string', default: '30s', describe: 'how long a prolog may take' },
    'epilog-deadline': { type: 'string', default: '2m', describe: 'how long an epilog may take' },
    'fail-job': {
      type: 'boolean',
      default: false,
      describe: 'a hook that fails exits with 1: Slurm drains the node then',
    },
    'ask-slurmctld': {
      type: 'boolean',
      default: false,
      describe: 'ask for each job’s comment: only for a Slurm that gives prologs no SLURM_JOB_COMMENT',
    },
    housekeeping: {
      type: 'boolean',
      default: false,
      describe: 'Flux’s housekeeping instead of an epilog: it runs when the job is over',
    },
    force: {
      type: 'boolean',
      default: false,
      describe: 'also files that were edited since they were written',
    },
  },
  handler: (context) => HANDLERS[context.args.action](context),
};

const HANDLERS: Record<Args['action'], (context: CommandContext<Args>) => Promise<number>> = {
  install,
  uninstall,
  show,
};

async function install({ args, env, cwd, json, out, say }: CommandContext<Args>): Promise<number> {
  const scheduler = oneOf(args, 'install');
  const deadlines = { prolog: seconds(args, 'prolog-deadline'), epilog: seconds(args, 'epilog-deadline') };
  needRoot('unet hooks install');
  await checkTools();
  const own = hooksOf(scheduler);
  const program = await ownProgram();
  const command = await schedulerCommand(own.program.name, env);
  const userPath = args.path ?? withDirectory(USER_PATH, dirname(command));
  await checkUserPath(userPath);
  const base = directoryOf(args, scheduler, cwd);
  const written = [];
  for (const when of chosenHooks(scheduler, args.housekeeping)) {
    const path = hooksOf(scheduler).path(when, base);
    await prepareDirectory(dirname(path), base);
    const text = hookScript({
      ...program,
      scheduler,
      when,
      version: VERSION,
      program: command,
      path: userPath,
      deadline: when === 'prolog' ? deadlines.prolog : deadlines.epilog,
      failJob: args['fail-job'],
      askSlurmctld: args['ask-slurmctld'],
    });
    await writeHook(path, text, args.force);
    written.push({ hook: when, path });
  }
  const lines = own.configuration(written);
  if (json) {
    const shown = written.map(({ hook, path }) => ({ when: hook, path }));
    out(JSON.stringify({ scheduler, version: VERSION, written: shown, slurmConf: lines }));
    return EXIT.done;
  }
  for (const { hook, path } of written) {
    say(`${hook}: ${path}`);
  }
  say(own.afterInstall);
  lines.forEach((line) => void out(line));
  return EXIT.done;
}

async function uninstall({ args, cwd, json, out, say }: CommandContext<Args>): Promise<number> {
  const scheduler = oneOf(args, 'uninstall');
  needRoot('unet hooks uninstall');
  const base = directoryOf(args, scheduler, cwd);
  const removed: string[] = [];
  for (const when of hooksOf(scheduler).kinds) {
    const path = hooksOf(scheduler).path(when, base);
    if (await removeHook(path, args.force)) {
      removed.push(path);
    }
  }
  if (json) {
    out(JSON.stringify({ scheduler, removed }));
  } else {
    removed.forEach((path) => void say(`removed ${path}`));
    if (removed.length === 0) {
      say(`there are no hooks of unet in ${base}`);
    } else if (hooksOf(scheduler).afterUninstall !== undefined) {
      say(hooksOf(scheduler).afterUninstall ?? '');
    }
  }
  return EXIT.done;
}

type Shown = {
  scheduler: HookScheduler;
  when: HookName;
  path: string;
  state: string;
  version?: string;
  unet?: string;
};

async function show({ args, cwd, json, out }: CommandContext<Args>): Promise<number> {
  const asked = HOOK_SCHEDULERS.filter((name) => args[name] === true);
  const schedulers = asked.length === 0 ? HOOK_SCHEDULERS : asked;
  if (args.dir !== undefined && schedulers.length !== 1) {
    throw new UnetError('UNET_USAGE', '--dir needs --flux or --slurm: each has a place of its own');
  }
  const shown: Shown[] = [];
  for (const scheduler of schedulers) {
    for (const when of hooksOf(scheduler).kinds) {
      shown.push(
        await describe(scheduler, when, hooksOf(scheduler).path(when, directoryOf(args, scheduler, cwd))),
      );
    }
  }
  if (json) {
    out(JSON.stringify({ version: VERSION, hooks: shown }));
    return EXIT.done;
  }
  const columns = ['hook', 'state', 'version', 'path'].map((title) => ({ title }));
  const rows = shown.map(({ scheduler, when, state, version = '-', path }) => [
    `${scheduler} ${when}`,
    state,
    version,
    path,
  ]);
  tableLines(columns, rows).forEach((line) => void out(line));
  return EXIT.done;
}

async function describe(scheduler: HookScheduler, when: HookName, path: string): Promise<Shown> {
  const found = await lookAt(path);
  if (found.is !== 'ours') {
    return { scheduler, when, path, state: found.is === 'nothing' ? 'not installed' : 'not of unet' };
  }
  const { version, edited } = found.mark;
  const unet = readSetting(found.text, 'unet') ?? '';
  const states = [
    edited && 'edited',
    version !== VERSION && `of another version than this ${VERSION}`,
    !(await exists(unet)) && `its unet is gone: ${unet}`,
  ].filter((state) => state !== false);
  return { scheduler, when, path, state: states.join(', ') || 'current', version, unet };
}

/** @throws UnetError UNET_USAGE where the scheduler has no housekeeping */
function chosenHooks(scheduler: HookScheduler, housekeeping: boolean): HookName[] {
  const { kinds } = hooksOf(scheduler);
  if (housekeeping && !kinds.includes('housekeeping')) {
    throw new UnetError('UNET_USAGE', `--housekeeping is for --flux: ${scheduler} has none`);
  }
  return kinds.filter((when) => when !== (housekeeping ? 'epilog' : 'housekeeping'));
}

/** @throws UnetError UNET_USAGE when it is not one of them */
function oneOf(args: Args, action: string): HookScheduler {
  const [scheduler, ...more] = HOOK_SCHEDULERS.filter((name) => args[name] === true);
  if (scheduler === undefined || more.length > 0) {
    throw new UnetError('UNET_USAGE', `unet hooks ${action} needs either --flux or --slurm`);
  }
  return scheduler;
}

function directoryOf(args: Args, scheduler: HookScheduler, cwd: string): string {
  return args.dir === undefined ? hooksOf(scheduler).directory : resolve(cwd, args.dir);
}

/** @throws UnetError UNET_USAGE */
function seconds(args: Args, flag: 'prolog-deadline' | 'epilog-deadline'): number {
  const ms = parseDuration(args[flag]);
  if (ms === undefined || ms < 1000) {
    throw new UnetError('UNET_USAGE', `--${flag} "${args[flag]}" is not a duration from 1s, such as 90s`);
  }
  return Math.ceil(ms / 1000);
}

function withDirectory(path: string, directory: string): string {
  return path.split(':').includes(directory) ? path : `${directory}:${path}`;
}

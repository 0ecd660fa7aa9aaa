/** `unet cluster …`: namespaces, quotas, jobs, deployments and the like of a Kubernetes or Nomad cluster. */
import type { ClusterManager } from '../cluster/index.ts';
import { didYouMean } from '../config/suggest.ts';
import { EXIT, UnetError } from '../errors.ts';
import { type Column, tableLines } from '../events/table.ts';
import { parseDuration } from '../setting/duration.ts';
import { type ConnectionFlags, connect } from './cluster-connect.ts';
import { jobActions } from './cluster-jobs.ts';
import { workloadActions } from './cluster-workloads.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';

export type ClusterArgs = ConnectionFlags & {
  words?: string[];
  cpu?: string;
  memory?: string;
  replicas?: number;
  env?: string[];
  label?: string[];
  port?: string[];
  selector?: string[];
  from?: string[];
  follow?: boolean;
  replace?: boolean;
  tail?: number;
  backoff?: number;
  timeout?: string;
};

/** What one action is given. */
export type Action = {
  manager: ClusterManager;
  /** The positionals behind the action, as many as its usage names. */
  words: readonly string[];
  /** Milliseconds, of --timeout. */
  timeoutMs: number | undefined;
  /** One value: a line of JSON with --json, else what `text` says. */
  show: (value: unknown, text: string) => void;
  /** Rows: one line of JSON each, or a table. */
  table: (
    values: readonly object[],
    columns: Readonly<Record<string, (value: never) => string | number>>,
  ) => void;
  context: CommandContext<ClusterArgs>;
};

/** An action's words, as "NS NAME [N]", and what it does. */
export type ActionModule = { usage: string; run: (action: Action) => Promise<number> };

const ACTIONS: Readonly<Record<string, Readonly<Record<string, ActionModule>>>> = {
  nodes: {
    '': {
      usage: '',
      run: async ({ manager, table, context: { signal } }) => {
        const nodes = await manager.getNodes({ signal });
        table(nodes, {
          node: ({ hostname }: { hostname: string }) => hostname,
          ready: ({ ready }: { ready: boolean }) => (ready ? 'yes' : 'no'),
          id: ({ id }: { id: string }) => id,
        });
        return EXIT.done;
      },
    },
  },
  ns: {
    create: {
      usage: 'NAME',
      run: async ({ manager, words: [name = ''], timeoutMs, show, context: { signal } }) => {
        const created = await manager.createNamespace(name, { timeoutMs, signal });
        show({ namespace: name, created }, `namespace ${name} ${created ? 'created' : 'was there'}`);
        return EXIT.done;
      },
    },
    delete: {
      usage: 'NAME',
      run: async ({ manager, words: [name = ''], timeoutMs, show, context: { signal } }) => {
        const deleted = await manager.deleteNamespace(name, { timeoutMs, signal });
        show({ namespace: name, deleted }, `namespace ${name} ${deleted ? 'deleted' : 'was not there'}`);
        return EXIT.done;
      },
    },
  },
  quota: {
    '': {
      usage: 'NS',
      run: async ({ manager, words: [namespace = ''], show, context: { args, signal } }) => {
        const { cpu, memory } = args;
        await manager.defineQuota(namespace, { cpu, memory }, { signal });
        show({ namespace, cpu, memory }, `quota of ${namespace}: cpu ${cpu ?? '-'}, memory ${memory ?? '-'}`);
        return EXIT.done;
      },
    },
  },
  job: jobActions,
  ...workloadActions,
};

/** A line for each action: `job run NS NAME IMAGE`. */
const USAGE = Object.entries(ACTIONS).flatMap(([what, actions]) =>
  Object.entries(actions).map(([name, { usage }]) => [what, name, usage].filter(Boolean).join(' ')),
);

export const cluster: CommandModule<ClusterArgs> = {
  command: 'cluster [words..]',
  describe: 'a client for clusters: nodes, ns, quota, job, deploy, statefulset, service, configmap',
  group: 'use',
  example: [
    ['unet cluster nodes', 'of the allocation’s cluster (KUBECONFIG), else of ~/.kube/config'],
    ['unet cluster ns create demo', 'returns when jobs can be created in it'],
    [
      "unet cluster job run demo sum busybox --follow --cpu 500m -- sh -c 'echo 42'",
      'its log, and its exit code',
    ],
    ['unet cluster --nomad http://127.0.0.1:4646 job ls default --json', 'the same on Nomad'],
    ['unet cluster deploy run demo web nginx --replicas 3', 'returns when all three are available'],
  ],
  actions: USAGE,
  settings: [],
  json: true,
  rest: 'dashes',
  positionals: {
    words: { type: 'string', array: true, describe: 'an action with its arguments, as above' },
  },
  builder: {
    context: { type: 'string', describe: 'context of the kubeconfig' },
    kubeconfig: { type: 'string', describe: 'a kubeconfig instead of KUBECONFIG and ~/.kube/config' },
    nomad: { type: 'string', describe: 'URL of a Nomad agent; NOMAD_TOKEN is its token' },
    cpu: { type: 'string', describe: 'quota, run: limit, as 500m or 2' },
    memory: { type: 'string', describe: 'quota, run: limit, as 64Mi or 1Gi' },
    replicas: { type: 'number', describe: 'deploy run, statefulset run' },
    env: { type: 'string', array: true, describe: 'run: NAME=VALUE, repeatable' },
    label: { type: 'string', array: true, describe: 'run, configmap: NAME=VALUE, repeatable' },
    port: { type: 'string', array: true, describe: 'service run: PORT or PORT:TARGET' },
    selector: {
      type: 'string',
      array: true,
      describe: 'service run: NAME=VALUE of the pods; app=NAME without',
    },
    from: { type: 'string', array: true, describe: 'configmap create: NAME=VALUE, repeatable' },
    follow: {
      type: 'boolean',
      alias: 'f',
      describe: 'job run, job logs: the log as it is written, until the end',
    },
    replace: { type: 'boolean', describe: 'job run: deletes a job of this name first' },
    tail: { type: 'number', describe: 'job logs: only so many last lines' },
    backoff: { type: 'number', describe: 'job run: tries after a failure' },
    timeout: { type: 'string', describe: 'how long to wait, as 90s or 10m (default: 10m)' },
  },
  async handler(context) {
    const { args, env, cwd, signal, say } = context;
    const { module, words } = chosen(args.words ?? []);
    const timeoutMs = args.timeout === undefined ? undefined : parseDuration(args.timeout);
    if (args.timeout !== undefined && timeoutMs === undefined) {
      throw new UnetError('UNET_USAGE', `--timeout ${args.timeout}: use a duration such as 90s or 10m`);
    }
    const warn = (message: string) => say(`unet: ${message}`);
    const manager = await connect({ flags: args, env, cwd, signal, warn });
    try {
      return await module.run({ manager, words, timeoutMs, context, ...shower(context) });
    } finally {
      await manager.close();
    }
  },
};

function chosen([what = '', ...more]: readonly string[]): { module: ActionModule; words: readonly string[] } {
  const actions = ACTIONS[what];
  if (actions === undefined) {
    const names = Object.keys(ACTIONS);
    const problem = what === '' ? 'unet cluster needs a subject' : `unet cluster has no "${what}"`;
    throw new UnetError('UNET_USAGE', `${problem}${didYouMean(what, names)}`, {
      remedy: `one of ${names.join(', ')}`,
    });
  }
  const alone = actions[''];
  const [name = '', ...rest] = alone === undefined ? more : ['', ...more];
  const module = actions[name];
  if (module === undefined) {
    const names = Object.keys(actions);
    throw new UnetError('UNET_USAGE', `unet cluster ${what} has no "${name}"${didYouMean(name, names)}`, {
      remedy: `one of ${names.join(', ')}`,
    });
  }
  const wanted = module.usage.split(' ').filter(Boolean);
  if (rest.length !== wanted.length) {
    const call = ['unet cluster', what, name, module.usage].filter(Boolean).join(' ');
    throw new UnetError('UNET_USAGE', `usage: ${call}`, {
      remedy: `${rest.length} given, ${wanted.length} wanted`,
    });
  }
  return { module, words: rest };
}

function shower({ json, out }: CommandContext<ClusterArgs>): Pick<Action, 'show' | 'table'> {
  return {
    show: (value, text) => out(json ? JSON.stringify(value) : text),
    table: (values, columns) => {
      if (json) {
        for (const value of values) {
          out(JSON.stringify(value));
        }
        return;
      }
      const titles: Column[] = Object.keys(columns).map((title) => ({ title }));
      const rows = values.map((value) => Object.values(columns).map((cell) => String(cell(value as never))));
      for (const line of tableLines(titles, rows)) {
        out(line);
      }
    },
  };
}

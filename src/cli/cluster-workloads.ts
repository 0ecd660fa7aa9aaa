/** `unet cluster deploy|statefulset|service|configmap …`: what Kubernetes has and Nomad has not. */
import type { KubernetesObject, Workload, WorkloadKind, Workloads } from '../cluster/index.ts';
import { EXIT, UnetError } from '../errors.ts';
import type { Action, ActionModule } from './cluster.ts';
import { pairs } from './cluster-pairs.ts';

type Actions = Readonly<Record<string, ActionModule>>;

export const workloadActions: Readonly<Record<string, Actions>> = {
  deploy: workloads('deployment', ({ deployments }) => deployments),
  statefulset: workloads('stateful set', ({ statefulSets }) => statefulSets),
  service: objects('service', ({ services }) => services, { run: { usage: 'NS NAME', run: runService } }),
  configmap: objects('config map', ({ configMaps }) => configMaps, {
    create: { usage: 'NS NAME', run: createConfigMap },
    ls: { usage: 'NS', run: listConfigMaps },
  }),
};

function workloads(title: string, of: (workloads: Workloads) => WorkloadKind): Actions {
  return {
    run: {
      usage: 'NS NAME IMAGE',
      run: async ({ manager, words, timeoutMs, show, context: { args, rest, signal } }) => {
        const [namespace = '', name = '', image = ''] = words;
        const kind = of(manager.kubernetes);
        const labels = args.label === undefined ? undefined : pairs('--label', args.label);
        await kind.create(
          namespace,
          name,
          {
            image,
            ...(rest.length > 0 && { command: rest }),
            replicas: args.replicas,
            cpuLimit: args.cpu,
            memLimit: args.memory,
            env: pairs('--env', args.env),
            labels,
          },
          { signal },
        );
        const workload = await kind.waitAvailable(namespace, name, { timeoutMs, signal });
        show(shown(workload), `${title} ${name}: ${workload.ready} of ${workload.replicas} ready`);
        return EXIT.done;
      },
    },
    ls: {
      usage: 'NS',
      run: async ({ manager, words: [namespace = ''], table, context: { signal } }) => {
        const list = await of(manager.kubernetes).list(namespace, { signal });
        table(list.map(shown), {
          name: ({ id }: Workload) => id,
          ready: ({ ready, replicas }: Workload) => `${ready}/${replicas}`,
          image: ({ image }: Workload) => image,
        });
        return EXIT.done;
      },
    },
    get: {
      usage: 'NS NAME',
      run: async ({ manager, words, show, context: { signal } }) => {
        const [namespace = '', name = ''] = words;
        const kind = of(manager.kubernetes);
        const workload = await kind.get(namespace, name, { signal });
        if (workload === null) {
          throw missing(title, namespace, name);
        }
        const pods = await kind.pods(namespace, name, { signal });
        const lines = pods.map(({ id, status, node }) =>
          [`  ${id}`, status, node ?? ''].join('  ').trimEnd(),
        );
        const head = `${title} ${name}: ${workload.ready} of ${workload.replicas} ready`;
        show({ ...workload, pods }, [head, ...lines].join('\n'));
        return EXIT.done;
      },
    },
    scale: {
      usage: 'NS NAME N',
      run: async ({ manager, words, timeoutMs, show, context: { signal } }) => {
        const [namespace = '', name = '', text = ''] = words;
        if (!/^\d+$/.test(text)) {
          throw new UnetError('UNET_USAGE', `"${text}" is not a number of replicas`);
        }
        const kind = of(manager.kubernetes);
        await kind.setScale(namespace, name, Number(text), { signal });
        const workload = await kind.waitAvailable(namespace, name, { timeoutMs, signal });
        show(shown(workload), `${title} ${name}: ${workload.ready} of ${workload.replicas} ready`);
        return EXIT.done;
      },
    },
    rm: {
      usage: 'NS NAME',
      run: async ({ manager, words, timeoutMs, show, context: { signal } }) => {
        const [namespace = '', name = ''] = words;
        const deleted = await of(manager.kubernetes).delete(namespace, name, { timeoutMs, signal });
        show({ name, deleted }, `${title} ${name} ${deleted ? 'deleted' : 'was not there'}`);
        return EXIT.done;
      },
    },
  };
}

/** Objects that are shown as they are. */
type PlainKind = Pick<Workloads['services'], 'get' | 'delete'> & {
  list: (namespace: string) => Promise<KubernetesObject[]>;
};

function objects(title: string, of: (workloads: Workloads) => PlainKind, own: Actions): Actions {
  return {
    ls: {
      usage: 'NS',
      run: async ({ manager, words: [namespace = ''], table }) => {
        table(await of(manager.kubernetes).list(namespace), {
          name: ({ metadata }: KubernetesObject) => metadata.name,
        });
        return EXIT.done;
      },
    },
    get: {
      usage: 'NS NAME',
      run: async ({ manager, words, show, context: { signal } }) => {
        const [namespace = '', name = ''] = words;
        const object = await of(manager.kubernetes).get(namespace, name, { signal });
        if (object === null) {
          throw missing(title, namespace, name);
        }
        show(object, JSON.stringify(object.data ?? object.spec ?? {}, null, 2));
        return EXIT.done;
      },
    },
    rm: {
      usage: 'NS NAME',
      run: async ({ manager, words, show, context: { signal } }) => {
        const [namespace = '', name = ''] = words;
        const deleted = await of(manager.kubernetes).delete(namespace, name, { signal });
        show({ name, deleted }, `${title} ${name} ${deleted ? 'deleted' : 'was not there'}`);
        return EXIT.done;
      },
    },
    ...own,
  };
}

async function runService({ manager, words, show, context: { args, signal } }: Action): Promise<number> {
  const [namespace = '', name = ''] = words;
  const ports = (args.port ?? []).map((text) => {
    const [, port, target] = /^(\d+)(?::(\d+))?$/.exec(text) ?? [];
    if (port === undefined) {
      throw new UnetError('UNET_USAGE', `--port ${text}: use --port PORT or --port PORT:TARGET`);
    }
    return { name: `p${port}`, port: Number(port), targetPort: Number(target ?? port) };
  });
  if (ports.length === 0) {
    throw new UnetError('UNET_USAGE', 'a service needs a port: --port 80, or --port 80:8080');
  }
  const selector = args.selector === undefined ? { app: name } : pairs('--selector', args.selector);
  const service = await manager.kubernetes.services.create(namespace, name, { selector, ports }, { signal });
  show(service, `service ${name} created in ${namespace}`);
  return EXIT.done;
}

async function createConfigMap({ manager, words, show, context: { args, signal } }: Action): Promise<number> {
  const [namespace = '', name = ''] = words;
  const labels = args.label === undefined ? {} : { labels: pairs('--label', args.label) };
  const data = pairs('--from', args.from);
  const map = await manager.kubernetes.configMaps.create(namespace, name, data, { ...labels, signal });
  show(map, `config map ${name} created in ${namespace}`);
  return EXIT.done;
}

async function listConfigMaps({ manager, words: [namespace = ''], table, context }: Action): Promise<number> {
  const { args, signal } = context;
  const maps = await manager.kubernetes.configMaps.list(namespace, pairs('--label', args.label), { signal });
  table(maps, {
    name: ({ metadata }: KubernetesObject) => metadata.name,
    keys: ({ data }: KubernetesObject) => Object.keys((data ?? {}) as object).join(','),
  });
  return EXIT.done;
}

function shown({ raw: _, ...workload }: Workload): Omit<Workload, 'raw'> {
  return workload;
}

function missing(title: string, namespace: string, name: string): UnetError {
  return new UnetError('UNET_CLUSTER_NOT_FOUND', `there is no ${title} "${name}" in ${namespace}`);
}

/**
 * One client in a process of its own: makes COUNT jobs, waits until each has completed, deletes them and waits until they are gone.
 * Prints a line of JSON with the milliseconds of each part and of the processor.
 *
 *     node bench/cluster-clients.js unet|direct|pooled COUNT NAMESPACE KUBECONFIG
 */
import { BatchV1Api, CoreV1Api, KubeConfig, Watch } from '@kubernetes/client-node';
import pLimit from 'p-limit';
import { ClusterManager, connectKubernetes } from 'unet/cluster';

/** One agent for all requests: the library makes one, and so a TLS handshake, for each. */
class PooledConfig extends KubeConfig {
  async applySecurityAuthentication(request) {
    await super.applySecurityAuthentication(request);
    this.agent ??= Object.assign(request.getAgent(), { keepAlive: true });
    request.setAgent(this.agent);
  }
}

/** Requests that a client has open at a time. */
const AT_ONCE = 16;

const [way, count, namespace, kubeconfig] = process.argv.slice(2);
const names = Array.from({ length: Number(count) }, (_, i) => `job-${i}`);
const client = await (way === 'unet' ? unet() : direct(way === 'pooled'));
const cpu = process.cpuUsage();
const parts = {};
for (const part of ['create', 'wait', 'remove']) {
  const begin = performance.now();
  await client[part]();
  parts[part] = performance.now() - begin;
}
const { user, system } = process.cpuUsage(cpu);
await client.close();
console.log(JSON.stringify({ ...parts, cpu: (user + system) / 1000 }));
process.exit();

async function unet() {
  const context = await connectKubernetes({ kubeconfig });
  const manager = new ClusterManager(context);
  await manager.createNamespace(namespace);
  return {
    create: () => each((name) => manager.createJob(namespace, name, { image: 'busybox', command: ['true'] })),
    wait: () => Promise.all(names.map((name) => manager.waitForJob(namespace, name))),
    remove: () => each((name) => manager.deleteJob(namespace, name, { wait: true })),
    close: () => manager.close(),
  };
}

/** As a program does it that knows the API well: one watch of the namespace's jobs. `pooled`: and keeps its connections. */
async function direct(pooled) {
  const config = pooled ? new PooledConfig() : new KubeConfig();
  config.loadFromFile(kubeconfig);
  await config.makeApiClient(CoreV1Api).createNamespace({ body: { metadata: { name: namespace } } });
  const batch = config.makeApiClient(BatchV1Api);
  const follow = async (isDone) => {
    const list = await batch.listNamespacedJob({ namespace });
    const left = new Set(names);
    const look = (job, type) => isDone(job, type) && left.delete(job.metadata.name);
    for (const job of list.items) look(job, 'ADDED');
    let stop = () => {};
    const done = new Promise((resolve, reject) => {
      const query = { resourceVersion: list.metadata.resourceVersion };
      const path = `/apis/batch/v1/namespaces/${namespace}/jobs`;
      const onEvent = (type, job) => look(job, type) && left.size === 0 && resolve();
      if (left.size === 0) resolve();
      new Watch(config)
        .watch(path, query, onEvent, (error) => left.size > 0 && reject(error))
        .then((controller) => {
          stop = () => controller.abort();
        }, reject);
    });
    return done.finally(() => stop());
  };
  return {
    create: () =>
      each((name) =>
        batch.createNamespacedJob({
          namespace,
          body: {
            metadata: { name },
            spec: {
              backoffLimit: 0,
              template: {
                spec: {
                  restartPolicy: 'Never',
                  containers: [{ name: 'job', image: 'busybox', command: ['true'] }],
                },
              },
            },
          },
        }),
      ),
    wait: () =>
      follow((job) =>
        job.status?.conditions?.some(({ type, status }) => type === 'Complete' && status === 'True'),
      ),
    remove: async () => {
      const gone = follow((_, type) => type === 'DELETED');
      await each((name) => batch.deleteNamespacedJob({ namespace, name, propagationPolicy: 'Foreground' }));
      await gone;
    },
    close: async () => {},
  };
}

async function each(work) {
  await pLimit(AT_ONCE).map(names, work);
}

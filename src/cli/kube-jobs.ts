/** `unet kube jobs`: the jobs that have objects in a namespace. */
import ms from 'ms';
import { EXIT } from '../errors.ts';
import { tableLines } from '../events/table.ts';
import { listRecords } from '../kube-jobs/jobs/record.ts';
import type { CommandModule } from './frame/command.ts';
import { CLUSTER_FLAGS, type ClusterArgs, sessionOf } from './kube-session.ts';

export const jobs: CommandModule<ClusterArgs & { 'all-namespaces': boolean }> = {
  command: 'jobs',
  describe: 'list the jobs that have objects in the cluster',
  group: 'use',
  example: [['unet kube jobs -n demo', 'id, template, scheduler’s job, objects, age']],
  settings: [],
  json: true,
  builder: {
    'all-namespaces': { type: 'boolean', alias: 'A', default: false, describe: 'of all namespaces' },
    ...CLUSTER_FLAGS,
  },
  async handler(context) {
    const { args, json, out, say, signal } = context;
    const session = sessionOf(context);
    const cluster = session.cluster();
    const namespace = args['all-namespaces'] ? undefined : (session.namespace ?? cluster.namespace);
    const records = await listRecords(cluster, namespace, signal);
    if (json) {
      records.forEach((record) => void out(JSON.stringify(record)));
      return EXIT.done;
    }
    if (records.length === 0) {
      say(`no jobs in ${namespace ?? 'any namespace'}`);
      return EXIT.done;
    }
    const titles = ['ID', 'NAMESPACE', 'TEMPLATE', 'JOB', 'PHASE', 'OBJECTS', 'AGE'].map((title) => ({
      title,
    }));
    const rows = records.map(({ id, namespace: where, template, job = '-', phase, list, created }) => [
      id,
      where,
      template,
      job,
      phase,
      String(list.items.length),
      ms(Math.max(0, Date.now() - new Date(created).getTime())),
    ]);
    tableLines(titles, rows).forEach((line) => void out(line));
    return EXIT.done;
  },
};

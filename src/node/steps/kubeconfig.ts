/** The admin kubeconfig, 0600, with a server address that works from every node of the job. */
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../../files/private-file.ts';
import { jobPaths } from '../../job/layout.ts';
import { need, type Step } from '../context.ts';
import { kubeconfigCopy } from '../kubeconfig-copy.ts';
import { loadKubernetes } from '../kubernetes-bundle.ts';
import { runTarget } from './run-target.ts';

export const kubeconfig: Step = {
  name: 'kubeconfig',
  run: async (context, log, signal) => {
    await runTarget('kubeconfig', 'kubeconfig', context, log, signal);
    // The workers wait for the record: what comes with the first use of the API is not to hold it up.
    await Promise.race([context.publishedOnce, once(signal, 'abort')]);
    signal.throwIfAborted();
    const written = join(context.record.stage, 'kubeconfig');
    const apiServer = {
      address: context.hostIp,
      port: need(context.assignment, 'the assignment').ports.apiServer,
    };
    const { withServer } = await loadKubernetes();
    const content = withServer(await readFile(written, 'utf8'), apiServer);
    // The Makefile's own copy is world-readable; nobody needs it.
    await rm(written);
    if (context.scheduler.record !== undefined) {
      // For nodes that do not see the job directory: a command of the scheduler reads it here.
      await writePrivateFile(kubeconfigCopy(context.directory), content);
    }
    if (context.seesJobDir) {
      await writePrivateFile(jobPaths(context.spec.jobDir).kubeconfig, content);
      context.send({ type: 'kubeconfig', apiServer });
    } else {
      context.send({ type: 'kubeconfig', apiServer, content });
    }
    context.onKubeconfig(content);
  },
};

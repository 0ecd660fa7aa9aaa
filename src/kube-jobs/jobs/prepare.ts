/** From what a job asks for to the record of what it will make. */
import { createHash } from 'node:crypto';
import type { Cluster } from '../cluster.ts';
import type { JobRequest } from '../jobspec/jobspec.ts';
import { findTemplate } from '../sources/find.ts';
import type { Processed } from '../template/process.ts';
import { ownedList } from './ownership.ts';
import type { JobRecord } from './record.ts';

export type Session = {
  /** Connects when it is first asked. @throws UnetError UNET_NO_CLUSTER */
  cluster: () => Cluster;
  /** Directories and files with templates, as typed. */
  paths: readonly string[];
  /** -n; undefined: the job's own, else that of the context. */
  namespace: string | undefined;
  env: NodeJS.ProcessEnv;
  cwd: string;
};

/** What the template makes of the request, before it is any job's. */
export async function renderJob(
  session: Session,
  request: JobRequest,
  { id, signal }: { id: string; signal: AbortSignal },
): Promise<Processed> {
  const { paths, cwd, env, cluster } = session;
  const places = { paths, cwd, cluster, namespace: session.namespace ?? request.namespace };
  const template = await findTemplate(request.template, places, signal);
  const { overrides, ignoreUnknown } = request;
  const namespace = places.namespace ?? (template.form === 'chart' ? cluster().namespace : 'default');
  return await template.render({ overrides, ignoreUnknown, namespace, release: id, env, signal });
}

/** @param job the scheduler's job that this is for, such as `flux fFRA1wV` */
export async function prepareJob(
  session: Session,
  request: JobRequest,
  { id, job, signal }: { id: string; job?: string | undefined; signal: AbortSignal },
): Promise<{ record: JobRecord; message: string | undefined }> {
  const { list, message } = await renderJob(session, request, { id, signal });
  const cluster = session.cluster();
  const namespace = namespaceOf(session, request);
  const record: JobRecord = {
    id,
    template: request.template,
    digest: digestOf(request),
    phase: 'creating',
    created: new Date().toISOString(),
    durationMs: request.durationMs,
    job,
    namespace,
    list: await ownedList(cluster, list, { id, namespace, signal }),
  };
  return { record, message };
}

export function namespaceOf(session: Session, request: Pick<JobRequest, 'namespace'>): string {
  return session.namespace ?? request.namespace ?? session.cluster().namespace;
}

/** The same for the same template with the same overrides: by it `cancel -j FILE` finds what `submit -j FILE` has made. */
export function digestOf({ template, overrides }: Pick<JobRequest, 'template' | 'overrides'>): string {
  const sorted = Object.entries(overrides)
    .map(([name, { text }]) => [name, text])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([template, sorted]))
    .digest('hex')
    .slice(0, 16);
}

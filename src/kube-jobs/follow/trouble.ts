/** What goes wrong with a job's objects, as a line each: events of the cluster, and what pods say of themselves. */
import { isJsonObject, type JsonObject, type KubeObject } from '../object.ts';
import { containerStatuses } from './ending.ts';

/** `12:01:02`, in the local time zone like the rest of a job's output. */
export function timeText(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':');
}

export type Trouble = {
  kind: string;
  name: string;
  uid: string | undefined;
  reason: string;
  text: string;
  at: Date;
};

/** A warning of the cluster about some object. */
export function troubleOfEvent(event: KubeObject): Trouble | undefined {
  const { involvedObject, reason, message, type, eventTime, lastTimestamp, series } = event;
  if (!isJsonObject(involvedObject) || type !== 'Warning') {
    return undefined;
  }
  const last = isJsonObject(series) ? series.lastObservedTime : undefined;
  const at = new Date(String(last ?? lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp ?? ''));
  return {
    kind: String(involvedObject.kind),
    name: String(involvedObject.name),
    uid: typeof involvedObject.uid === 'string' ? involvedObject.uid : undefined,
    reason: String(reason ?? ''),
    text: String(message ?? '').trim(),
    at: Number.isNaN(at.getTime()) ? new Date() : at,
  };
}

// What a container is waiting for when all is well.
const FINE = ['ContainerCreating', 'PodInitializing', ''];

/** What a pod says: containers that cannot start, and why it is nowhere yet. */
export function troublesOfPod(pod: KubeObject): Trouble[] {
  const { name = '', uid } = pod.metadata;
  const make = (reason: string, text: string): Trouble => ({
    kind: 'Pod',
    name,
    uid: typeof uid === 'string' ? uid : undefined,
    reason,
    text: text.trim(),
    at: new Date(),
  });
  const waiting = containerStatuses(pod).flatMap(({ name: container, state }) => {
    const why: JsonObject = isJsonObject(state) && isJsonObject(state.waiting) ? state.waiting : {};
    const reason = String(why.reason ?? '');
    return FINE.includes(reason) ? [] : [make(reason, `container ${container}: ${why.message ?? ''}`)];
  });
  const conditions =
    isJsonObject(pod.status) && Array.isArray(pod.status.conditions) ? pod.status.conditions : [];
  const unscheduled = conditions
    .filter(isJsonObject)
    .filter(
      ({ type, status, reason }) =>
        type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
    )
    .map(({ message }) => make('Unschedulable', String(message ?? '')));
  return [...unscheduled, ...waiting];
}

/** The line of a job's output. */
export function troubleLine({ kind, name, reason, text, at }: Trouble): string {
  return `${timeText(at)} ${kind} ${name}: ${[reason, text].filter((part) => part !== '').join(': ')}`;
}

/**
 * The jobspec of a job that becomes objects of Kubernetes: Flux's jobspec V1 (RFC 14, RFC 25) whose command's first word is a
 * template's name, and whose `attributes.system` has the parameters.
 */
import * as z from 'zod';
import { didYouMean } from '../../config/suggest.ts';
import { UnetError } from '../../errors.ts';
import { type Json, type Violation, violations } from '../object.ts';
import { parseFluxDuration } from './duration.ts';
import { type JobspecSource, readSource } from './source.ts';

/** A parameter's value: as text for templates, and as what it is for charts. */
export type Override = { text: string; value: Json };

/** What a job asks for. */
export type JobRequest = {
  template: string;
  overrides: Readonly<Record<string, Override>>;
  /** Walltime in milliseconds; undefined: none. */
  durationMs: number | undefined;
  name: string | undefined;
  namespace: string | undefined;
  ignoreUnknown: boolean;
  logs: boolean;
};

const Count = z.int('is not a whole number').positive('is not positive');

type Resource = { type: string; count: unknown; with?: Resource[] | undefined; label?: string | undefined };
const Resource: z.ZodType<Resource> = z.looseObject({
  type: z.string(),
  count: z.union([Count, z.string(), z.looseObject({ min: Count })], 'is no count'),
  label: z.string().optional(),
  get with() {
    return z.array(Resource).min(1, 'is empty').optional();
  },
});

const Task = z.looseObject({
  command: z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z.array(z.string('is not a string')).min(1, 'is empty: its first word is the template'),
  ),
  slot: z.string().optional(),
  count: z.looseObject({ per_slot: Count.optional(), total: Count.optional() }).optional(),
});

const Kube = z.strictObject({
  namespace: z.string().min(1, 'is empty').optional(),
  'ignore-unknown-parameters': z.boolean().optional(),
  logs: z.boolean().optional(),
});
const KUBE_KEYS = Object.keys(Kube.shape);

const System = z.looseObject({
  duration: z.union([z.number(), z.string()], 'is no duration').optional(),
  'flux-kube': z.literal(1, 'is not 1'),
  template_overrides: z.record(z.string(), z.json()).nullish(),
  kube: Kube.optional(),
  job: z.looseObject({ name: z.string().optional() }).optional(),
});

const Jobspec = z.strictObject({
  version: z.literal(1, 'is not 1').optional(),
  resources: z.array(Resource).min(1, 'is empty').optional(),
  tasks: z.array(Task).min(1, 'is empty').max(1, 'has more than one task: a job is one template'),
  attributes: z.looseObject({ system: System }),
});
const KEYS = Object.keys(Jobspec.shape);

/** Whether a jobspec, whatever else is in it, is one of ours. */
export function isKubeJobspec(value: unknown): boolean {
  const mark = z.object({ attributes: z.object({ system: z.object({ 'flux-kube': z.literal(1) }) }) });
  return mark.safeParse(value).success;
}

/**
 * Reads a jobspec, YAML or JSON.
 *
 * @param where the file's name, for errors
 * @throws UnetError UNET_JOBSPEC_INVALID with one line for each violation: file, line, path
 */
export function readJobspec(text: string, where: string): JobRequest {
  const source = readSource(text, where);
  const read = Jobspec.safeParse(source.value);
  const found = read.success ? [] : withNames(violations(read.error));
  const request = read.success ? requestOf(read.data, source, found) : undefined;
  if (request === undefined || found.length > 0) {
    const lines = found.map(
      ({ path, at, what }) => `${source.place(path)}: ${at === '' ? '' : `${at}: `}${what}`,
    );
    throw new UnetError('UNET_JOBSPEC_INVALID', lines.join('\n'));
  }
  return request;
}

/** Complains into `found` about what a schema does not say. */
function requestOf(
  jobspec: z.infer<typeof Jobspec>,
  source: JobspecSource,
  found: Violation[],
): JobRequest | undefined {
  const { system } = jobspec.attributes;
  const [task] = jobspec.tasks;
  const complain = (path: PropertyKey[], at: string, what: string) => void found.push({ path, at, what });
  const duration = parseFluxDuration(system.duration ?? 0);
  if (duration === undefined) {
    const what = `"${system.duration}" is not a duration: seconds, or with ms, s, m, h or d`;
    complain(['attributes', 'system', 'duration'], 'attributes.system.duration', what);
  }
  const overrides: Record<string, Override> = {};
  for (const [name, value] of Object.entries(system.template_overrides ?? {})) {
    const path = ['attributes', 'system', 'template_overrides', name];
    if (value === null) {
      complain(path, `attributes.system.template_overrides.${name}`, 'has no value; "" is the empty one');
    }
    define(overrides, name, { value, text: textOf(value, source.written(path)) });
  }
  const [template = '', ...words] = task?.command ?? [];
  for (const [index, word] of words.entries()) {
    const split = word.indexOf('=');
    if (split < 1) {
      const at = `tasks[0].command[${index + 1}]`;
      complain(
        ['tasks', 0, 'command', index + 1],
        at,
        `"${word}" is not NAME=VALUE, a parameter of the template`,
      );
    } else {
      const text = word.slice(split + 1);
      define(overrides, word.slice(0, split), { text, value: text });
    }
  }
  if (template === '') {
    complain(['tasks', 0, 'command', 0], 'tasks[0].command[0]', 'is empty: it is the template');
  }
  refuseOtherSlot(jobspec, complain);
  return {
    template,
    overrides,
    durationMs: duration?.ms,
    name: system.job?.name,
    namespace: system.kube?.namespace,
    ignoreUnknown: system.kube?.['ignore-unknown-parameters'] === true,
    logs: system.kube?.logs !== false,
  };
}

/** RFC 14: a task's slot is the label of one in the resources. */
function refuseOtherSlot(
  { resources, tasks }: z.infer<typeof Jobspec>,
  complain: (path: PropertyKey[], at: string, what: string) => void,
): void {
  const slot = tasks[0]?.slot;
  const labels = labelsOf(resources ?? []);
  if (slot !== undefined && labels.length > 0 && !labels.includes(slot)) {
    complain(['tasks', 0, 'slot'], 'tasks[0].slot', `no slot is called "${slot}"${didYouMean(slot, labels)}`);
  }
}

function labelsOf(resources: readonly Resource[]): string[] {
  return resources.flatMap(({ label, with: inner }) => [
    ...(label === undefined ? [] : [label]),
    ...labelsOf(inner ?? []),
  ]);
}

/** As it was written where that is known: YAML reads 1.10 as 1.1. */
function textOf(value: Json, written: string | undefined): string {
  if (typeof value === 'string') {
    return value;
  }
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : (written ?? String(value));
}

/** A key may be called __proto__. */
function define(overrides: Record<string, Override>, name: string, value: Override): void {
  Object.defineProperty(overrides, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Unknown keys each with a line of their own, and with the nearest name. */
function withNames(found: readonly Violation[]): Violation[] {
  return found.flatMap((violation) => {
    const keys = /^Unrecognized keys?: (.*)$/.exec(violation.what)?.[1];
    if (keys === undefined) {
      return [violation];
    }
    const known = violation.path.length === 0 ? KEYS : KUBE_KEYS;
    return keys.split(', ').map((quoted) => {
      const key = quoted.replaceAll('"', '');
      const at = violation.at === '' ? key : `${violation.at}.${key}`;
      return { path: [...violation.path, key], at, what: `there is no such key${didYouMean(key, known)}` };
    });
  });
}

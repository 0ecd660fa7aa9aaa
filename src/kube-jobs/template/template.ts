/** A template of OpenShift: objects with parameters in them, `kind: Template` of template.openshift.io/v1. */
import * as z from 'zod';
import { UnetError } from '../../errors.ts';
import { type JsonObject, violations } from '../object.ts';

const API_VERSIONS = ['v1', 'template.openshift.io/v1'];

/** A parameter; texts that are not there are empty. */
export type Parameter = {
  name: string;
  description?: string | undefined;
  value: string;
  /** The generator's name, and what it generates from. */
  generate: string;
  from: string;
  required: boolean;
};

export type Template = {
  metadata: { name: string };
  message?: string | undefined;
  /** For every object. */
  labels: Readonly<Record<string, string>>;
  objects: JsonObject[];
  parameters: Parameter[];
};

const Text = z
  .string()
  .nullish()
  .transform((text) => text ?? '');

const ParameterSchema = z.object({
  name: z.string().regex(/^[A-Za-z0-9_]+$/, 'is not made of letters, digits and underscores'),
  description: z.string().optional(),
  // Not text in some published templates: `value: 8080`.
  value: z
    .union([z.string(), z.number(), z.boolean()])
    .nullish()
    .transform((value) => (value === null || value === undefined ? '' : String(value))),
  generate: Text,
  from: Text,
  required: z
    .boolean()
    .nullish()
    .transform((required) => required === true),
});

const TemplateSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal('Template', 'is not Template'),
  metadata: z.object({ name: z.string().min(1) }),
  message: z
    .string()
    .nullish()
    .transform((text) => text ?? undefined),
  labels: z
    .record(z.string(), z.string())
    .nullish()
    .transform((labels) => labels ?? {}),
  objects: z.array(z.record(z.string(), z.json())),
  parameters: z
    .array(ParameterSchema)
    .nullish()
    .transform((parameters) => parameters ?? []),
});

/** Whether `value` says of itself that it is a template. */
export function isTemplate(value: unknown): boolean {
  const read = z.looseObject({ apiVersion: z.string(), kind: z.literal('Template') }).safeParse(value);
  return read.success && API_VERSIONS.includes(read.data.apiVersion);
}

/**
 * @param where for errors, such as the file's name
 * @throws UnetError UNET_TEMPLATE_INVALID with one line for each thing that is wrong
 */
export function readTemplate(value: unknown, where: string): Template {
  const read = TemplateSchema.safeParse(value);
  if (!read.success) {
    throw new UnetError(
      'UNET_TEMPLATE_INVALID',
      violations(read.error)
        .map(({ at, what }) => `${where}: ${at}: ${what}`)
        .join('\n'),
    );
  }
  const names = read.data.parameters.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new UnetError('UNET_TEMPLATE_INVALID', `${where}: parameters: ${twice} is there twice`);
  }
  return read.data;
}

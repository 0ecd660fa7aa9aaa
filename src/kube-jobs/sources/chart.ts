/** A Helm chart: a real helm renders it. Its hooks and its custom resource definitions stay behind: they are not the job's own. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { UnetError } from '../../errors.ts';
import { childEnvironment } from '../../process/environment.ts';
import { runOk } from '../../process/run.ts';
import { readDocuments } from '../documents.ts';
import { isJsonObject, type JsonObject, readObject } from '../object.ts';
import { unknownOverrides } from '../template/parameters.ts';
import type { Processed } from '../template/process.ts';
import type { Parameter } from '../template/template.ts';
import type { RenderOptions, TemplateSource } from './source.ts';

const TIMEOUT_MS = 60_000;
const Chart = z.looseObject({ name: z.string().min(1) });

export function isChart(names: readonly string[]): boolean {
  return names.includes('Chart.yaml');
}

/** @throws UnetError UNET_TEMPLATE_INVALID */
export async function chartSource(path: string): Promise<TemplateSource> {
  const chart = Chart.safeParse(await readYaml(join(path, 'Chart.yaml')));
  if (!chart.success) {
    throw new UnetError('UNET_TEMPLATE_INVALID', `${join(path, 'Chart.yaml')}: name: is missing`);
  }
  const { name } = chart.data;
  return {
    name,
    form: 'chart',
    from: path,
    parameters: async () => parametersOf(await valuesOf(path)),
    render: (options) => render(path, name, options),
    raw: async () => ({ ...chart.data, values: await valuesOf(path) }) as JsonObject,
  };
}

/** Overrides are values of the chart, by their first name: `{"image": {"tag": "1.2"}}`. */
async function render(
  path: string,
  name: string,
  { overrides, ignoreUnknown, namespace, release, env, signal }: RenderOptions,
): Promise<Processed> {
  const known = Object.keys(await valuesOf(path));
  const unknown = ignoreUnknown ? [] : unknownOverrides([...known, 'global'], overrides, name);
  if (unknown.length > 0) {
    throw new UnetError('UNET_TEMPLATE_PARAMETERS', unknown.join('\n'), {
      remedy: `${join(path, 'values.yaml')} lists the chart's values; --ignore-unknown-parameters gives it others, too`,
    });
  }
  const values = Object.fromEntries(Object.entries(overrides).map(([key, { value }]) => [key, value]));
  const argv = ['helm', 'template', release, path, '--namespace', namespace, '--no-hooks', '--values', '-'];
  const helm = Object.fromEntries(Object.entries(env).filter(([variable]) => variable.startsWith('HELM_')));
  const { stdout } = await runOk(argv, {
    env: childEnvironment(env, helm),
    input: JSON.stringify(values),
    timeoutMs: TIMEOUT_MS,
    signal,
  }).catch((error: unknown) => {
    throw UnetError.is(error) && error.code === 'UNET_STEP_FAILED'
      ? new UnetError('UNET_TEMPLATE_INVALID', `${path}: ${error.message}`, error.details)
      : error;
  });
  const items = readDocuments(stdout, path).map((document, index) => readObject(document, path, [index]));
  return { list: { apiVersion: 'v1', kind: 'List', items }, message: undefined };
}

async function valuesOf(path: string): Promise<JsonObject> {
  const values = await readYaml(join(path, 'values.yaml'));
  return isJsonObject(values) ? values : {};
}

async function readYaml(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    return parse(text);
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new UnetError('UNET_TEMPLATE_INVALID', `${file}: ${said}`);
  }
}

function parametersOf(values: JsonObject): Parameter[] {
  return Object.entries(values).map(([name, value]) => ({
    name,
    value: typeof value === 'string' ? value : JSON.stringify(value),
    generate: '',
    from: '',
    required: false,
  }));
}

/** Templates and manifests, once their documents are read. */

import { type JsonObject, readObject } from '../object.ts';
import { resolveParameters } from '../template/parameters.ts';
import { processTemplate } from '../template/process.ts';
import { isTemplate, readTemplate, type Template } from '../template/template.ts';
import type { TemplateSource } from './source.ts';

/**
 * Each template in `documents` is a source by its own name; if there is none, all documents together are one, called `name`.
 *
 * @param where for errors
 * @throws UnetError UNET_TEMPLATE_INVALID
 */
export function sourcesOf(documents: readonly JsonObject[], name: string, where: string): TemplateSource[] {
  const templates = documents.filter(isTemplate);
  if (templates.length > 0) {
    return templates.map((raw) => templateSource(readTemplate(raw, where), raw, where));
  }
  return documents.length === 0 ? [] : [manifestsSource(documents, name, where)];
}

function templateSource(template: Template, raw: JsonObject, from: string): TemplateSource {
  return {
    name: template.metadata.name,
    form: 'template',
    from,
    parameters: async () => template.parameters,
    render: async ({ overrides, ignoreUnknown }) => {
      const texts = Object.fromEntries(Object.entries(overrides).map(([name, { text }]) => [name, text]));
      return processTemplate(template, texts, { ignoreUnknown });
    },
    raw: async () => raw,
  };
}

function manifestsSource(documents: readonly JsonObject[], name: string, from: string): TemplateSource {
  const items = documents.map((document, index) => readObject(document, from, [index]));
  return {
    name,
    form: 'manifests',
    from,
    parameters: async () => [],
    render: async ({ overrides, ignoreUnknown }) => {
      refuseOverrides(name, overrides, ignoreUnknown);
      return { list: { apiVersion: 'v1', kind: 'List', items }, message: undefined };
    },
    raw: async () => ({ apiVersion: 'v1', kind: 'List', items }),
  };
}

/** For what has no parameters. @throws UnetError UNET_TEMPLATE_PARAMETERS */
export function refuseOverrides(
  template: string,
  overrides: Readonly<Record<string, unknown>>,
  ignoreUnknown: boolean,
): void {
  const names = Object.fromEntries(Object.keys(overrides).map((name) => [name, '']));
  resolveParameters([], names, { template, ignoreUnknown });
}

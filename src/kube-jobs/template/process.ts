/**
 * A template and its overrides become one list of objects, by the rules of OpenShift ("Using templates" in its
 * documentation; what that leaves open is decided as `oc process` does it).
 */
import { isJsonObject, type JsonObject, type KubeObject, type ObjectList, readObject } from '../object.ts';
import { type Overrides, type ParameterValues, resolveParameters } from './parameters.ts';
import { refersToParameter, substitute, substituteText } from './substitute.ts';
import type { Template } from './template.ts';

export type Processed = {
  list: ObjectList;
  /** The template's message to its user, with the values in it. It may hold generated passwords. */
  message: string | undefined;
};

/**
 * @throws UnetError UNET_TEMPLATE_PARAMETERS, UNET_TEMPLATE_INVALID
 */
export function processTemplate(
  template: Template,
  overrides: Overrides,
  { ignoreUnknown = false }: { ignoreUnknown?: boolean } = {},
): Processed {
  const { name } = template.metadata;
  const values = resolveParameters(template.parameters, overrides, { template: name, ignoreUnknown });
  const labels = Object.fromEntries(
    Object.entries(template.labels).map((pair) => pair.map((text) => substituteText(text, values))),
  ) as Record<string, string>;
  const items = template.objects.map((object, index) =>
    addLabels(
      readObject(substitute(withoutNamespace(object), values), `template ${name}`, ['objects', index]),
      labels,
    ),
  );
  return { list: { apiVersion: 'v1', kind: 'List', items }, message: messageOf(template, values) };
}

/** The same object with `labels` added, which win. */
export function addLabels(object: KubeObject, labels: Readonly<Record<string, string>>): KubeObject {
  if (Object.keys(labels).length === 0) {
    return object;
  }
  return {
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } },
  };
}

/** A namespace that is written down in an object is the author's; one with a parameter in it is meant. */
function withoutNamespace(object: JsonObject): JsonObject {
  const { metadata } = object;
  if (!isJsonObject(metadata) || metadata.namespace === undefined) {
    return object;
  }
  const { namespace, ...rest } = metadata;
  return typeof namespace === 'string' && refersToParameter(namespace)
    ? object
    : { ...object, metadata: rest };
}

function messageOf({ message }: Template, values: ParameterValues): string | undefined {
  return message === undefined ? undefined : substituteText(message, values);
}

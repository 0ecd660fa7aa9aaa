import protobuf from 'protobufjs/light.js';
import { type Fields, isFields } from './objects.ts';
import { badRequest, unsupportedMediaType } from './status-error.ts';

/** What newer kubectl sends for `create configmap` and its like. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

/** In front of every object: "k8s" and a zero. */
const magic = Buffer.from('k8s\0');

const stringMap = (id: number) => ({ keyType: 'string', type: 'string', id });
const bytesMap = (id: number) => ({ keyType: 'string', type: 'bytes', id });
const plain = (type: string, id: number) => ({ type, id });
const metadata = plain('ObjectMeta', 1);

const list = (type: string, id: number) => ({ rule: 'repeated', type, id });
const quantities = (id: number) => ({ keyType: 'string', type: 'Quantity', id });

/** What `kubectl create job`, `deployment`, `quota` and `service` send. */
const workloads = {
  Quantity: { fields: { string: plain('string', 1) } },
  IntOrString: {
    fields: { type: plain('int64', 1), intVal: plain('int32', 2), strVal: plain('string', 3) },
  },
  LabelSelector: { fields: { matchLabels: stringMap(1) } },
  ResourceRequirements: { fields: { limits: quantities(1), requests: quantities(2) } },
  ContainerPort: {
    fields: {
      name: plain('string', 1),
      hostPort: plain('int32', 2),
      containerPort: plain('int32', 3),
      protocol: plain('string', 4),
    },
  },
  EnvVar: { fields: { name: plain('string', 1), value: plain('string', 2) } },
  Container: {
    fields: {
      name: plain('string', 1),
      image: plain('string', 2),
      command: list('string', 3),
      args: list('string', 4),
      workingDir: plain('string', 5),
      ports: list('ContainerPort', 6),
      env: list('EnvVar', 7),
      resources: plain('ResourceRequirements', 8),
      imagePullPolicy: plain('string', 14),
    },
  },
  PodSpec: {
    fields: {
      containers: list('Container', 2),
      restartPolicy: plain('string', 3),
      nodeSelector: stringMap(7),
      serviceAccountName: plain('string', 8),
    },
  },
  PodTemplateSpec: { fields: { metadata, spec: plain('PodSpec', 2) } },
  JobSpec: {
    fields: {
      parallelism: plain('int32', 1),
      completions: plain('int32', 2),
      activeDeadlineSeconds: plain('int64', 3),
      template: plain('PodTemplateSpec', 6),
      backoffLimit: plain('int32', 7),
      ttlSecondsAfterFinished: plain('int32', 8),
    },
  },
  Job: { fields: { metadata, spec: plain('JobSpec', 2) } },
  DeploymentSpec: {
    fields: {
      replicas: plain('int32', 1),
      selector: plain('LabelSelector', 2),
      template: plain('PodTemplateSpec', 3),
    },
  },
  Deployment: { fields: { metadata, spec: plain('DeploymentSpec', 2) } },
  ResourceQuotaSpec: { fields: { hard: quantities(1), scopes: list('string', 2) } },
  ResourceQuota: { fields: { metadata, spec: plain('ResourceQuotaSpec', 2) } },
  ServicePort: {
    fields: {
      name: plain('string', 1),
      protocol: plain('string', 2),
      port: plain('int32', 3),
      targetPort: plain('IntOrString', 4),
      nodePort: plain('int32', 5),
    },
  },
  ServiceSpec: {
    fields: {
      ports: list('ServicePort', 1),
      selector: stringMap(2),
      clusterIP: plain('string', 3),
      type: plain('string', 4),
      externalName: plain('string', 10),
    },
  },
  Service: { fields: { metadata, spec: plain('ServiceSpec', 2) } },
};

/** Field numbers of apimachinery's and api/core/v1's generated.proto, for the kinds that are taken. */
const root = protobuf.Root.fromJSON({
  nested: {
    TypeMeta: { fields: { apiVersion: plain('string', 1), kind: plain('string', 2) } },
    Unknown: { fields: { typeMeta: plain('TypeMeta', 1), raw: plain('bytes', 2) } },
    ObjectMeta: {
      fields: {
        name: plain('string', 1),
        generateName: plain('string', 2),
        namespace: plain('string', 3),
        resourceVersion: plain('string', 6),
        labels: stringMap(11),
        annotations: stringMap(12),
        finalizers: { rule: 'repeated', type: 'string', id: 14 },
      },
    },
    ConfigMap: {
      fields: { metadata, data: stringMap(2), binaryData: bytesMap(3), immutable: plain('bool', 4) },
    },
    Secret: {
      fields: {
        metadata,
        data: bytesMap(2),
        type: plain('string', 3),
        stringData: stringMap(4),
        immutable: plain('bool', 5),
      },
    },
    Namespace: { fields: { metadata } },
    ServiceAccount: { fields: { metadata } },
    TokenRequest: { fields: { metadata, spec: plain('TokenRequestSpec', 2) } },
    TokenRequestSpec: { fields: { expirationSeconds: plain('int64', 4) } },
    SelfSubjectReview: { fields: { metadata } },
    SelfSubjectAccessReview: { fields: { metadata } },
    DeleteOptions: {
      fields: { gracePeriodSeconds: plain('int64', 1), propagationPolicy: plain('string', 4) },
    },
    ...workloads,
  },
});

/**
 * Decodes an object in Kubernetes' protobuf envelope.
 *
 * @throws StatusError 415 for a kind that is not taken in this form, 400 for what is not an envelope
 */
export function decodeProtobuf(body: Buffer): Fields {
  if (!body.subarray(0, magic.length).equals(magic)) throw badRequest('the body is not a protobuf envelope');
  try {
    const { typeMeta, raw } = decode('Unknown', body.subarray(magic.length)) as {
      typeMeta: Fields;
      raw?: string;
    };
    const kind = String(typeMeta.kind);
    if (root.get(kind) === null) {
      throw unsupportedMediaType(
        `the body of the request was in an unknown format - a ${kind} is accepted as: application/json, application/yaml`,
      );
    }
    const object = decode(kind, Buffer.from(raw ?? '', 'base64'));
    return { ...typeMeta, ...(asJson(object) as Fields) };
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(`error decoding the body: ${error.message}`);
    throw error;
  }
}

/** Bytes become base64, as in the JSON form. */
function decode(type: string, bytes: Uint8Array): Fields {
  const message = root.lookupType(type);
  return message.toObject(message.decode(bytes), { bytes: String, longs: Number });
}

/** Whose empty values mean something. */
const textMaps = new Set(['data', 'binaryData', 'stringData', 'labels', 'annotations', 'matchLabels']);

/** The JSON form: Go writes strings and ports that are not set as empty ones, and some types are plain values. */
function asJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asJson);
  if (!isFields(value)) return value;
  if (Object.keys(value).join() === 'string') return value.string;
  if ('intVal' in value || 'strVal' in value) return value.type === 1 ? value.strVal : value.intVal;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, field]) => field !== '' && !(field === 0 && /^(node|host)Port$/.test(key)))
      .map(([key, field]) => [key, textMaps.has(key) ? field : asJson(field)]),
  );
}

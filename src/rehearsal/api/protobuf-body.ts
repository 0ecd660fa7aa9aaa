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
    SelfSubjectReview: { fields: { metadata } },
    SelfSubjectAccessReview: { fields: { metadata } },
    DeleteOptions: { fields: {} },
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
    return { ...typeMeta, ...object, metadata: withoutEmpty(object.metadata) };
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

/** Go writes strings that are not set as empty ones. */
function withoutEmpty(value: unknown): Fields {
  return isFields(value) ? Object.fromEntries(Object.entries(value).filter(([, field]) => field !== '')) : {};
}

import type { Fields } from './objects.ts';

/** The smallest valid OpenAPI v2 document: kubectl validates nothing that it does not describe. */
export const openApiV2: Fields = {
  swagger: '2.0',
  info: { title: 'Kubernetes', version: 'v1.34.2' },
  paths: {},
  definitions: {},
};

/** The media type of the answer; clients ask with an "@" in the place of the third dot, as the real server's do. */
export const openApiV2ProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/**
 * The same document in protobuf (gnostic's openapi.v2.Document: swagger is field 1, info 2 with title 1
 * and version 2, paths 8, definitions 9). All fields have wire type 2, a length and the bytes.
 */
export function openApiV2Protobuf(): Buffer {
  const info = Buffer.concat([field(1, Buffer.from('Kubernetes')), field(2, Buffer.from('v1.34.2'))]);
  return Buffer.concat([
    field(1, Buffer.from('2.0')),
    field(2, info),
    field(8, Buffer.alloc(0)),
    field(9, Buffer.alloc(0)),
  ]);
}

/** Lengths here are below 128: one byte is the whole varint. */
function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}

import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import { decodeProtobuf, protobufType } from './protobuf-body.ts';
import { badRequest, StatusError, unsupportedMediaType } from './status-error.ts';

/** As the real API server's limit for one request. */
const maxBytes = 3 * 1024 * 1024;

/**
 * Reads a request's body; undefined when there is none.
 *
 * @throws StatusError 413 above 3 MiB, 400 for what cannot be parsed, 415 for a form that is not taken
 */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${maxBytes}`);
    }
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  return parseBody(Buffer.concat(chunks), contentTypeOf(request));
}

/** The media type without its parameters; JSON when none is given. */
export function contentTypeOf(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';
}

function parseBody(body: Buffer, contentType: string): unknown {
  if (contentType === protobufType) return decodeProtobuf(body);
  if (contentType.includes('cbor')) {
    throw unsupportedMediaType(
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
    );
  }
  const yaml = contentType.includes('yaml');
  try {
    const text = body.toString();
    return yaml ? parse(text) : JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding the body: ${(error as Error).message}`);
  }
}

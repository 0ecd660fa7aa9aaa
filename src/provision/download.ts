/** A file over https: by the proxy of the environment, and only what its checksum says. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';
import { errnoOf, UnetError } from '../errors.ts';
import { withDeadline } from '../process/deadline.ts';
import { MAX_BYTES, tooBig } from './limits.ts';
import { shownUrl } from './reference.ts';

export type DownloadOptions = { timeoutMs: number; signal?: AbortSignal | undefined };

const MAX_REDIRECTS = 5;
const SILENCE_MS = 60_000;

/**
 * Writes what is behind `url` to the new file `destination`, and resolves with its checksum. Proxies are those of
 * https_proxy, all_proxy and no_proxy in this process's environment; certificates those of Node and NODE_EXTRA_CA_CERTS.
 *
 * Not fetch(): that of Node 20 knows no proxy, and undici, which does, is larger than all of unet's agent.
 *
 * @throws UnetError UNET_RELEASE_FETCH.
 */
export async function download(
  url: string,
  destination: string,
  { timeoutMs, signal }: DownloadOptions,
): Promise<string> {
  const late = () => failure(url, `took longer than ${timeoutMs / 1000} s`);
  try {
    return await withDeadline(
      timeoutMs,
      signal ?? new AbortController().signal,
      async (limit) => save(await request(url, limit, MAX_REDIRECTS), destination),
      late,
    );
  } catch (error) {
    signal?.throwIfAborted();
    if (UnetError.is(error) || ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS'].includes(errnoOf(error) ?? '')) {
      throw error;
    }
    throw failure(url, reason(error), error);
  }
}

async function request(url: string, signal: AbortSignal, redirects: number): Promise<IncomingMessage> {
  const target = new URL(url);
  if (target.protocol !== 'https:') {
    throw failure(url, 'it is not https');
  }
  const proxy = getProxyForUrl(url);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = get(
      target,
      {
        signal,
        timeout: SILENCE_MS,
        headers: { 'user-agent': 'unet', accept: '*/*' },
        ...(proxy === '' ? {} : { agent: new HttpsProxyAgent(proxy) }),
      },
      resolve,
    );
    sent.once('timeout', () => sent.destroy(new Error(`no data received for ${SILENCE_MS / 1000} s`)));
    sent.once('error', reject);
  });
  const { statusCode = 0, headers } = response;
  if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
    response.resume();
    if (redirects === 0) {
      throw failure(url, 'too many redirects');
    }
    return request(new URL(headers.location, url).href, signal, redirects - 1);
  }
  if (statusCode !== 200) {
    response.resume();
    throw failure(url, `the server answered ${statusCode} ${response.statusMessage ?? ''}`.trimEnd());
  }
  return response;
}

async function save(response: IncomingMessage, destination: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(destination, 'wx', 0o600);
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_BYTES) {
        throw tooBig('the download');
      }
      hash.update(chunk as Buffer);
      await file.appendFile(chunk as Buffer);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

function reason(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  return inner instanceof Error ? inner.message : String(inner);
}

function failure(url: string, why: string, cause?: unknown): UnetError {
  return new UnetError('UNET_RELEASE_FETCH', `${shownUrl(url)} could not be downloaded: ${why}`, {
    cause,
    remedy:
      'check the URL, https_proxy and --mirror; on a node without internet access, add the release to the cache first',
  });
}

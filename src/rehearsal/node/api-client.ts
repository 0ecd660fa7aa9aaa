import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Fields } from '../api/objects.ts';

export interface ApiClientOptions {
  /** Name in the certificate, such as u7s-n0. */
  serverName: string;
  /** Where that name is, by the node's hosts file or the name itself. */
  address: string;
  port: number;
  /** PEM; without it the server is not verified (the first step of discovery). */
  authority?: string;
  token?: string;
  certificate?: string;
  key?: string;
}

/** An answer that is not a success, with the server's Status. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Connect and answer within this, in milliseconds; kubeadm asks with ?timeout=10s too. */
const answerMs = 10_000;

/** The few requests that a kubelet and kubeadm make. */
export class ApiClient implements Disposable {
  readonly #options: ApiClientOptions;
  readonly #agent: Agent;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    const { authority, certificate, key, serverName } = options;
    this.#agent = new Agent({
      keepAlive: true,
      servername: serverName,
      rejectUnauthorized: authority !== undefined,
      ...(authority !== undefined && { ca: authority }),
      ...(certificate !== undefined && { cert: certificate }),
      ...(key !== undefined && { key }),
    });
  }

  /**
   * One request with its answer.
   *
   * @throws ApiError, or what the connection failed with
   */
  async send(method: string, path: string, body?: Fields, contentType = 'application/json'): Promise<Fields> {
    const response = await this.#request(method, path, body, contentType, AbortSignal.timeout(answerMs));
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const answer = JSON.parse(Buffer.concat(chunks).toString()) as Fields;
    const code = response.statusCode ?? 500;
    if (code >= 400) throw new ApiError(code, String(answer.message ?? `HTTP ${code}`));
    return answer;
  }

  /** The events of a watch until it ends. @throws what the connection failed with */
  async *watch(path: string, signal: AbortSignal): AsyncGenerator<{ type: string; object: Fields }> {
    const response = await this.#request('GET', path, undefined, 'application/json', signal);
    if ((response.statusCode ?? 500) >= 400) throw new ApiError(response.statusCode ?? 500, 'watch refused');
    // Not readline: it throws a broken stream's error where nobody can catch it.
    let rest = '';
    response.setEncoding('utf8');
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #request(
    method: string,
    path: string,
    body: Fields | undefined,
    contentType: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { address, port, serverName, token } = this.#options;
    return new Promise((resolve, reject) => {
      const request = httpsRequest({
        agent: this.#agent,
        host: address,
        servername: serverName,
        port,
        method,
        path,
        signal,
        headers: {
          accept: 'application/json',
          'user-agent': 'kubelet/v1.34.2 (linux/amd64) rehearsal',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': contentType }),
        },
      });
      request.once('response', resolve);
      request.once('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { KubernetesConfig } from '../../src/cluster/config-types.ts';
import { ClusterError } from '../../src/cluster/errors.ts';
import { connectKubernetes, type KubernetesContext } from '../../src/cluster/kubernetes/connect.ts';
import { base64, startServer, type TestServer, version } from './api-server.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'unet-cluster-test-'));
const configMaps = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default' };
const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } };
const open: KubernetesContext[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.splice(0).map((context) => context.close()));
});

async function connect(config: KubernetesConfig, env: NodeJS.ProcessEnv = {}, more: object = {}) {
  const warnings: string[] = [];
  const context = await connectKubernetes(config, { env, warn: (text) => warnings.push(text), ...more });
  open.push(context);
  return { context, warnings };
}

/** What kind of ClusterError it is, and its text. */
async function failure(promise: Promise<unknown>): Promise<{ reason: string; text: string }> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ClusterError.isCluster(error)) throw new Error(`not a ClusterError: ${inspect(error)}`);
  return { reason: error.reason, text: `${error.message}\n${inspect(error)}` };
}

const trusting = ({ endpoint, authority }: TestServer): KubernetesConfig => ({
  endpoint,
  ca: base64(authority.certificate),
});

describe('authentication', () => {
  test('certificate: base64 of certificate and key; https, as there is a certificate, and that is said', async () => {
    const server = await startServer({ answer: version });
    const { certificate, key } = server.client;
    const { warnings } = await connect({
      ...trusting(server),
      auth: 'certificate',
      certificate: base64(certificate),
      key: base64(key),
    });
    expect(server.asked[0]?.client).toBe('tester');
    expect(warnings.join()).toContain('http_scheme is not said: https');
  });

  test('certificate_file: PEM files, and the key may be in the certificate’s', async () => {
    const server = await startServer({ answer: version });
    const both = path.join(scratch, 'both.pem');
    writeFileSync(both, server.client.certificate + server.client.key);
    const ca = path.join(scratch, 'ca.pem');
    writeFileSync(ca, server.authority.certificate);
    await connect({ endpoint: server.endpoint, auth: 'certificate_file', certificate: both, ca_file: ca });
    expect(server.asked[0]?.client).toBe('tester');
  });

  test('basic_auth and token, the token as base64 and as a JWT', async () => {
    const server = await startServer({ answer: version });
    const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln';
    await connect({ ...trusting(server), auth: 'basic_auth', user: 'u', credentials: 'p:w' });
    await connect({ ...trusting(server), auth: 'token', token: base64('opaque-token\n') });
    await connect({ ...trusting(server), auth: 'token', token: jwt });
    expect(server.asked.map(({ authorization }) => authorization)).toEqual([
      `Basic ${base64('u:p:w')}`,
      'Bearer opaque-token',
      `Bearer ${jwt}`,
    ]);
  });

  test('in_cluster: address and token of the pod, read again when it is rotated', async () => {
    const server = await startServer({ answer: version });
    const account = mkdtempSync(path.join(scratch, 'account-'));
    const token = path.join(account, 'token');
    writeFileSync(path.join(account, 'ca.crt'), server.authority.certificate);
    writeFileSync(path.join(account, 'namespace'), 'mine\n');
    writeFileSync(token, 'first\n');
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(server.port) };
    const { context } = await connect({ auth: 'in_cluster' }, env, { serviceAccount: account });
    writeFileSync(`${token}.new`, 'second-one\n');
    renameSync(`${token}.new`, token);
    await context.objects.get(configMaps, 'a');
    await connect(
      { auth: 'in_cluster' },
      { ...env, KUBERNETES_SERVICE_TOKEN: 'env ' },
      { serviceAccount: account },
    );
    expect(context.namespace).toBe('mine');
    expect(server.asked.map(({ authorization }) => authorization)).toEqual([
      'Bearer first',
      'Bearer second-one',
      'Bearer env',
    ]);
  });

  test('an IPv6 service address is put into brackets', async () => {
    const env = {
      KUBERNETES_SERVICE_HOST: '::1',
      KUBERNETES_SERVICE_PORT: '1',
      KUBERNETES_SERVICE_TOKEN: 't',
    };
    const { text, reason } = await failure(connect({ auth: 'in_cluster' }, env));
    expect(reason).toBe('Unreachable');
    expect(text).toContain('[::1]:1');
  });

  test.each([
    [{ endpoint: '127.0.0.1:1' }, /never connects anonymously/],
    [{ auth: 'token', endpoint: '127.0.0.1:1' }, /needs "token"/],
    [{ auth: 'tokn' }, /did you mean token\?/],
    [{ auth: 'token', tokn: 'x' }, /unknown key "tokn"; did you mean token\?/],
    [{ cert_file: 'x' }, /the key "cert_file" is now certificate/],
    [{ auth: 'token', token: 'x', user: 'y', endpoint: 'h:1' }, /"user" means nothing with "auth: token"/],
    [{ auth: 'token', token: base64('x'), endpoint: 'fe80::1:443' }, /HOST:PORT/],
    [{ auth: 'token', token: base64('x'), endpoint: 'h:1', skip_ssl: 'maybe' }, /skip_ssl is true or false/],
    [{ auth: 'certificate', certificate: '/etc/ssl/x.pem', key: 'y', endpoint: 'h:1' }, /base64 of a PEM/],
  ])('refuses %j', async (config, message) => {
    const error = await connect(config as KubernetesConfig).catch((reason: Error) => reason);
    expect(String(error)).toMatch(message);
  });

  test('keys and tokens are in no error and in no inspected context', async () => {
    const server = await startServer({ answer: version });
    const { certificate, key } = server.client;
    const secret = base64(key);
    const config: KubernetesConfig = {
      ...trusting(server),
      auth: 'certificate',
      certificate: base64(certificate),
      key: secret,
    };
    const { context } = await connect(config);
    const refused = await connect({ ...config, endpoint: '127.0.0.1:1' }).catch((error: Error) => error);
    for (const text of [inspect(context, { depth: 9, showHidden: true }), inspect(refused, { depth: 9 })]) {
      expect(text).not.toContain(secret.slice(0, 40));
      expect(text).not.toContain('PRIVATE KEY');
    }
  });
});

describe('TLS', () => {
  const token = { auth: 'token', token: base64('t') } as const;

  test('a certificate of another authority, for another name, or of last month is refused, each with its reason', async () => {
    const other = await startServer({ answer: version });
    const named = await startServer({
      answer: version,
      names: { dns: ['api.example'], addresses: ['192.0.2.1'] },
    });
    const old = await startServer({ answer: version, validMs: -60_000 });
    const wrong = await failure(
      connect({ ...token, endpoint: other.endpoint, ca: base64(named.authority.certificate) }),
    );
    const mismatch = await failure(connect({ ...token, ...trusting(named) }));
    const expired = await failure(connect({ ...token, ...trusting(old) }));
    expect([wrong.reason, mismatch.reason, expired.reason]).toEqual(['TLS', 'TLS', 'TLS']);
    expect(mismatch.text).toMatch(/does not match|not in the cert/i);
    expect(expired.text).toContain('expired');
    expect([...other.asked, ...named.asked, ...old.asked]).toEqual([]);
  });

  test('NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing', async () => {
    const server = await startServer({ answer: version });
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect(
      (await failure(connect({ ...token, endpoint: server.endpoint, http_scheme: 'https' }))).reason,
    ).toBe('TLS');
  });

  test('skip_ssl connects, says so, and still presents the client certificate', async () => {
    const server = await startServer({ answer: version });
    const { certificate, key } = server.client;
    const { warnings } = await connect({
      endpoint: server.endpoint,
      auth: 'certificate',
      certificate: base64(certificate),
      key: base64(key),
      skip_ssl: 'true',
    });
    expect(server.asked[0]?.client).toBe('tester');
    expect(warnings.filter((text) => text.includes('not verified'))).toHaveLength(1);
  });

  test('a server that speaks http only is a TLS error, not a hang', async () => {
    const { createServer } = await import('node:http');
    const plain = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
    await new Promise((resolve) => plain.once('listening', resolve));
    const { port } = plain.address() as { port: number };
    const { reason } = await failure(
      connect({ ...token, endpoint: `127.0.0.1:${port}`, http_scheme: 'https' }),
    );
    plain.close();
    expect(reason).toBe('TLS');
  });
});

describe('answers', () => {
  const token = { auth: 'token', token: base64('t') } as const;

  async function withAnswers(answers: ((response: import('node:http').ServerResponse) => void)[]) {
    let n = 0;
    const server = await startServer({
      answer: (request, response) => {
        if (request.url === '/version') version(request, response);
        else request.resume().on('end', () => answers[Math.min(n++, answers.length - 1)]?.(response));
      },
    });
    const { context } = await connect({ ...token, ...trusting(server) });
    server.asked.length = 0;
    return { server, objects: context.objects };
  }
  const status =
    (code: number, reason: string, message = reason) =>
    (response: import('node:http').ServerResponse) => {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', reason, message, code }));
    };
  const fine = (response: import('node:http').ServerResponse) => response.end(JSON.stringify(map));
  const cut = (response: import('node:http').ServerResponse) => response.destroy();

  test.each([
    [401, 'Unauthorized', 'Unauthorized'],
    [403, 'Forbidden', 'Forbidden'],
    [409, 'AlreadyExists', 'AlreadyExists'],
    [409, 'Conflict', 'Conflict'],
    [422, 'Invalid', 'Invalid'],
    [500, 'InternalError', 'Server'],
  ])('%i %s is %s', async (code, reason, expected) => {
    const { objects } = await withAnswers([status(code, reason)]);
    expect((await failure(objects.create(map))).reason).toBe(expected);
  });

  test('a refusal by a quota is told apart from a lack of rights', async () => {
    const { objects } = await withAnswers([
      status(403, 'Forbidden', 'pods "a" is forbidden: exceeded quota: q'),
    ]);
    expect((await failure(objects.create(map))).reason).toBe('QuotaExceeded');
  });

  test('429 is repeated after Retry-After, a creation too: the server has not done it', async () => {
    const { objects, server } = await withAnswers([
      (response) => response.writeHead(429, { 'retry-after': '1' }).end('{}'),
      fine,
    ]);
    const started = performance.now();
    await objects.create(map);
    expect(server.asked).toHaveLength(2);
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  test('a reset is repeated for what may be repeated', async () => {
    const { objects, server } = await withAnswers([cut, cut, fine]);
    expect(await objects.get(configMaps, 'a')).toEqual(map);
    expect(server.asked).toHaveLength(3);
  });

  test('a creation that was cut is not repeated: it may have been done', async () => {
    const { objects, server } = await withAnswers([cut, fine]);
    expect((await failure(objects.create(map))).reason).toBe('Unreachable');
    expect(server.asked).toHaveLength(1);
  });

  test('a server that never answers is a Timeout; a signal ends the request with its own reason', async () => {
    const server = await startServer({ answer: () => {} });
    const config = { ...token, ...trusting(server) };
    expect((await failure(connect(config, {}, { timeoutMs: 100 }))).reason).toBe('Timeout');
    const reason = new Error('enough');
    const stop = new AbortController();
    const waiting = connect(config, {}, { signal: stop.signal });
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});

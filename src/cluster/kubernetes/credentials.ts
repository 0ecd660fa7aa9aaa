/** From the configuration to a KubeConfig: who we are, and whom we trust. Key material stays in memory. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { errnoOf, UnetError } from '../../errors.ts';
import type { ParsedKubernetesConfig } from '../config.ts';
import { type TokenSource, tokenFile } from './token-file.ts';

/** https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
export const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export type Credentials = {
  config: KubeConfig;
  /** A bearer that may change while we are connected. */
  token?: TokenSource;
  /** The namespace of the context, or of the pod. */
  namespace?: string;
  /** What the user should know, once. */
  warnings: string[];
};

export type CredentialsOptions = { env: NodeJS.ProcessEnv; serviceAccount?: string };

/** @throws UnetError UNET_CONFIG_INVALID */
export function credentialsOf(config: ParsedKubernetesConfig, options: CredentialsOptions): Credentials {
  const auth = config.auth ?? impliedAuth(config);
  refuseForeignKeys(auth, config);
  switch (auth) {
    case 'kubeconfig':
      return fromKubeconfig(config, options.env);
    case 'in_cluster':
      return inCluster(config, options);
    case 'certificate':
      return direct(config, {
        certData: base64Pem(needed(config, 'certificate', auth), 'certificate'),
        keyData: base64Pem(needed(config, 'key', auth), 'key'),
      });
    case 'certificate_file':
      return direct(config, certificateFiles(needed(config, 'certificate', auth), config.key));
    case 'basic_auth':
      return direct(config, {
        username: needed(config, 'user', auth),
        password: needed(config, 'credentials', auth),
      });
    case 'token':
      return direct(config, { token: bearer(needed(config, 'token', auth)) });
    case undefined:
      throw invalid(
        'no credentials: unet never connects anonymously',
        `say "auth", one of in_cluster, certificate, certificate_file, basic_auth, token, kubeconfig`,
      );
  }
}

type Auth = NonNullable<ParsedKubernetesConfig['auth']>;

function impliedAuth({
  certificate,
  token,
  user,
  kubeconfig,
  context,
}: ParsedKubernetesConfig): Auth | undefined {
  if (kubeconfig !== undefined || context !== undefined) return 'kubeconfig';
  if (certificate !== undefined) return 'certificate';
  if (token !== undefined) return 'token';
  return user === undefined ? undefined : 'basic_auth';
}

const OWN_KEYS: Record<Auth, readonly (keyof ParsedKubernetesConfig)[]> = {
  in_cluster: [],
  certificate: ['certificate', 'key'],
  certificate_file: ['certificate', 'key'],
  basic_auth: ['user', 'credentials'],
  token: ['token'],
  kubeconfig: ['kubeconfig', 'context'],
};

/** A setting that would do nothing is an error: the user means something by it. */
function refuseForeignKeys(auth: Auth | undefined, config: ParsedKubernetesConfig): void {
  if (auth === undefined) return;
  const all = new Set(Object.values(OWN_KEYS).flat());
  const connection =
    auth === 'kubeconfig' ? (['http_scheme', 'endpoint', 'ca', 'ca_file', 'skip_ssl'] as const) : [];
  const foreign = [...all].filter((key) => config[key] !== undefined && !OWN_KEYS[auth].includes(key));
  const unused = connection.filter((key) => config[key] !== undefined);
  const [first] = [...foreign, ...unused];
  if (first !== undefined) {
    throw invalid(`"${first}" means nothing with "auth: ${auth}"`, `remove ${first}, or choose another auth`);
  }
}

function needed(
  config: ParsedKubernetesConfig,
  key: 'certificate' | 'key' | 'user' | 'credentials' | 'token',
  auth: Auth,
): string {
  const value = config[key];
  if (value === undefined) throw invalid(`"auth: ${auth}" needs "${key}"`, 'see docs/cluster.md');
  return value;
}

function direct(config: ParsedKubernetesConfig, user: Omit<User, 'name'>): Credentials {
  if (config.endpoint === undefined) throw invalid('there is no "endpoint"', 'say "endpoint: HOST:PORT"');
  const warnings: string[] = [];
  const trusted = config.ca !== undefined || config.ca_file !== undefined;
  const secret = user.certData !== undefined || user.token !== undefined || trusted;
  const scheme = config.http_scheme ?? (secret ? 'https' : 'http');
  if (config.http_scheme === undefined && secret) {
    warnings.push('http_scheme is not said: https, as there are credentials or an authority');
  }
  if (scheme === 'http') {
    if (user.certData !== undefined) {
      throw invalid('a client certificate needs https', 'say "http_scheme: https"');
    }
    warnings.push(
      'the connection is not encrypted (http_scheme: http): whoever is on the way can read the credentials',
    );
  }
  return loaded(config, `${scheme}://${config.endpoint}`, user, warnings);
}

function loaded(
  config: ParsedKubernetesConfig,
  server: string,
  user: Omit<User, 'name'>,
  warnings: string[],
  caData = authorityOf(config),
): Credentials {
  const skip = config.skip_ssl === true;
  if (skip && server.startsWith('https:')) {
    warnings.push(`the certificate of ${server} is not verified (skip_ssl)`);
  }
  const cluster: Cluster = {
    name: 'cluster',
    server,
    ...(caData !== undefined && { caData }),
    // The client refuses http unless told so; there is nothing to verify in it.
    skipTLSVerify: skip || server.startsWith('http:'),
  };
  const kube = new KubeConfig();
  kube.loadFromClusterAndUser(cluster, { name: 'user', ...user });
  return { config: kube, warnings };
}

function inCluster(
  config: ParsedKubernetesConfig,
  { env, serviceAccount = SERVICE_ACCOUNT }: CredentialsOptions,
): Credentials {
  const server = `https://${config.endpoint ?? serviceEndpoint(env)}`.replace(
    /^https/,
    config.http_scheme ?? 'https',
  );
  const given = config.ca !== undefined || config.ca_file !== undefined;
  const own = path.join(serviceAccount, 'ca.crt');
  const authority = !given && existsSync(own) ? toBase64(readText(own)) : authorityOf(config);
  const result = loaded(config, server, {}, [], authority);
  const token = env.KUBERNETES_SERVICE_TOKEN?.trim();
  const namespaceFile = path.join(serviceAccount, 'namespace');
  return {
    ...result,
    token: token ? { read: () => token } : tokenFile(path.join(serviceAccount, 'token')),
    ...(existsSync(namespaceFile) && { namespace: readText(namespaceFile).trim() }),
  };
}

function serviceEndpoint({
  KUBERNETES_SERVICE_HOST: host,
  KUBERNETES_SERVICE_PORT: port,
}: NodeJS.ProcessEnv): string {
  if (!host || !port) {
    throw invalid(
      'this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
      'say "endpoint: HOST:PORT"',
    );
  }
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function fromKubeconfig(
  { kubeconfig, context }: ParsedKubernetesConfig,
  env: NodeJS.ProcessEnv,
): Credentials {
  const files = kubeconfig !== undefined ? [kubeconfig] : defaultKubeconfigs(env);
  const config = new KubeConfig();
  try {
    for (const [i, file] of files.entries()) {
      if (i === 0) config.loadFromFile(file);
      else {
        const more = new KubeConfig();
        more.loadFromFile(file);
        config.mergeConfig(more, true);
      }
    }
  } catch (error) {
    const reason = errnoOf(error) ?? (error as Error).message.split('\n')[0];
    throw invalid(
      `cannot read the kubeconfig ${files.join(', ')}: ${reason}`,
      'check the path with --kubeconfig or KUBECONFIG',
    );
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(context)) {
      throw invalid(
        `the kubeconfig has no context "${context}"; it has ${names.join(', ') || 'none'}`,
        'kubectl config get-contexts',
      );
    }
    config.setCurrentContext(context);
  }
  return { config, warnings: checked(config, files), ...contextNamespace(config) };
}

function contextNamespace(config: KubeConfig): { namespace?: string } {
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  return namespace ? { namespace } : {};
}

/** @throws UnetError where it names no cluster, or a user without any credentials */
function checked(config: KubeConfig, files: readonly string[]): string[] {
  const where = `the kubeconfig ${files.join(', ')}`;
  const cluster = config.getCurrentCluster();
  if (!cluster) throw invalid(`${where} has no current cluster`, 'kubectl config use-context NAME');
  const user = config.getCurrentUser();
  const credentials = [
    user?.certData,
    user?.certFile,
    user?.token,
    user?.authProvider,
    user?.exec,
    user?.username,
  ];
  if (!credentials.some(Boolean)) {
    throw invalid(
      `${where} has no credentials for its user: unet never connects anonymously`,
      'kubectl config set-credentials',
    );
  }
  return cluster.skipTLSVerify
    ? [`the certificate of ${cluster.server} is not verified (insecure-skip-tls-verify)`]
    : [];
}

/** KUBECONFIG, else ~/.kube/config. */
export function defaultKubeconfigs({ KUBECONFIG, HOME }: NodeJS.ProcessEnv): string[] {
  if (KUBECONFIG) return KUBECONFIG.split(path.delimiter).filter(Boolean);
  return HOME ? [path.join(HOME, '.kube', 'config')] : [];
}

function authorityOf({
  ca,
  ca_file: file,
}: {
  ca?: string | undefined;
  ca_file?: string | undefined;
}): string | undefined {
  if (ca !== undefined) return base64Pem(ca, 'ca');
  return file === undefined ? undefined : toBase64(readText(file));
}

/** PEM files; the key may be in the certificate's. */
export function certificateFiles(
  certificate: string,
  key: string | undefined,
): { certData: string; keyData: string } {
  const pem = readText(certificate);
  const own = key === undefined ? pem : readText(key);
  if (!own.includes('PRIVATE KEY')) {
    throw invalid(
      `there is no private key in ${key ?? certificate}`,
      'say "key: PATH" of the PEM file that holds it',
    );
  }
  readable(pem, certificate);
  return { certData: toBase64(pem), keyData: toBase64(own) };
}

/** Base64 of a PEM, as it is. @throws UnetError when it is something else; the value is not shown */
export function base64Pem(value: string, key: string): string {
  const text = Buffer.from(value, 'base64').toString('latin1');
  if (!text.includes('-----BEGIN ')) {
    const hint = value.includes('-----BEGIN ')
      ? 'it is PEM as it stands'
      : existsSync(value)
        ? 'it is a path'
        : 'it is not base64 of PEM';
    throw invalid(
      `"${key}" is base64 of a PEM: ${hint}`,
      `${key}: $(base64 -w0 FILE), or "auth: certificate_file" and "ca_file" for paths`,
    );
  }
  if (key !== 'key') readable(text, `"${key}"`);
  return value.replace(/\s+/g, '');
}

function readable(pem: string, where: string): void {
  try {
    new X509Certificate(pem);
  } catch {
    throw invalid(`${where} is not a readable certificate`, 'openssl x509 -in FILE -noout -text shows one');
  }
}

/** The documented form is base64; a JWT as it stands is one too. */
function bearer(value: string): string {
  const jwt = /^[\w-]+\.[\w-]+\.[\w-]*$/;
  const given = value.trim();
  if (jwt.test(given)) return given;
  const decoded = Buffer.from(given, 'base64').toString();
  const printable = /^[\x21-\x7e\s]+$/.test(decoded) && /^[A-Za-z0-9+/=_\s-]+$/.test(given);
  if (!printable || decoded.trim() === '') {
    throw invalid(
      '"token" is neither base64 of a token nor a JWT',
      'token: $(printf %s "$TOKEN" | base64 -w0)',
    );
  }
  return decoded.trim();
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(`cannot read ${file}: ${errnoOf(error) ?? 'failed'}`, 'check the path and its mode');
  }
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function invalid(message: string, remedy: string): UnetError {
  return new UnetError('UNET_CONFIG_INVALID', message, { remedy });
}

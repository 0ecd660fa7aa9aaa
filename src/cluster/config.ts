/** The configuration of a connection, with the keys that the Python library documents; unknown ones are refused. */
import * as z from 'zod';
import { didYouMean } from '../config/suggest.ts';
import { UnetError } from '../errors.ts';

const flag = z.union([z.boolean(), z.enum(['true', 'false'])]).transform((value) => String(value) === 'true');
const text = z.string().min(1);
const endpoint = text.regex(
  /^(\[[0-9A-Fa-f:.]+\]|[^\s:/[\]]+):\d{1,5}$/,
  'is HOST:PORT, an IPv6 address in brackets',
);

export const AUTH_METHODS = [
  'in_cluster',
  'certificate',
  'certificate_file',
  'basic_auth',
  'token',
  'kubeconfig',
] as const;

/** Keys of Kubernetes; see docs/cluster.md. */
export const KubernetesConfig = z.strictObject({
  auth: z.enum(AUTH_METHODS).optional(),
  /** `certificate`: base64 of the PEM; `certificate_file`: a path. */
  certificate: text.optional(),
  key: text.optional(),
  user: text.optional(),
  credentials: text.optional(),
  token: text.optional(),
  /** A path; KUBECONFIG or ~/.kube/config without it. */
  kubeconfig: text.optional(),
  context: text.optional(),
  http_scheme: z.enum(['http', 'https']).optional(),
  endpoint: endpoint.optional(),
  skip_ssl: flag.optional(),
  /** Base64 of the PEM. */
  ca: text.optional(),
  ca_file: text.optional(),
});
export type KubernetesConfig = z.input<typeof KubernetesConfig>;
export type ParsedKubernetesConfig = z.output<typeof KubernetesConfig>;

/** Keys of Nomad. */
export const NomadConfig = z.strictObject({
  http_scheme: z.enum(['http', 'https']).optional(),
  /** HOST:PORT; NOMAD_ADDR or 127.0.0.1:4646 without it. */
  endpoint: endpoint.optional(),
  /** The ACL token; NOMAD_TOKEN without it. */
  token: text.optional(),
  region: text.optional(),
  datacenters: z.array(text).min(1).optional(),
  /** Base64 of the PEM. */
  ca: text.optional(),
  ca_file: text.optional(),
  /** Base64 of the PEM, or with `certificate_file` paths. */
  certificate: text.optional(),
  key: text.optional(),
  certificate_file: text.optional(),
  key_file: text.optional(),
  skip_ssl: flag.optional(),
});
export type NomadConfig = z.input<typeof NomadConfig>;
export type ParsedNomadConfig = z.output<typeof NomadConfig>;

/** What a key was called in 2018, and what it is called now. */
const OLD_KEYS: Readonly<Record<string, string>> = {
  cert_file: 'certificate, with "auth: certificate_file"',
  client_cert: 'certificate',
  client_certificate: 'certificate',
  client_key: 'key',
  key_file: 'key, with "auth: certificate_file"',
  username: 'user',
  password: 'credentials',
  ca_cert: 'ca (base64) or ca_file (a path)',
  ssl_ca: 'ca (base64) or ca_file (a path)',
  verify_ssl: 'skip_ssl (the opposite)',
  insecure: 'skip_ssl',
  scheme: 'http_scheme',
  host: 'endpoint (HOST:PORT)',
  server: 'endpoint (HOST:PORT)',
  bearer: 'token',
  in_cluster: 'auth: in_cluster',
  config_file: 'kubeconfig',
  service_token: 'token, with "auth: token"',
};

/** @throws UnetError UNET_CONFIG_INVALID that names every wrong key; never a value, which may be a secret */
export function parseConfig<T extends z.ZodObject>(schema: T, value: unknown, where: string): z.output<T> {
  const result = schema.safeParse(value ?? {});
  if (result.success) {
    return result.data;
  }
  const names = Object.keys(schema.shape);
  const problems = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey(key, names))
      : [wrongValue(issue, value)],
  );
  throw new UnetError('UNET_CONFIG_INVALID', `${where}: ${problems.join('; ')}`, {
    remedy: 'docs/cluster.md lists the keys',
  });
}

function unknownKey(key: string, names: readonly string[]): string {
  const current = OLD_KEYS[key];
  return current === undefined || names.includes(key)
    ? `unknown key "${key}"${didYouMean(key, names)}`
    : `the key "${key}" is now ${current}`;
}

function wrongValue(issue: z.core.$ZodIssue, value: unknown): string {
  const key = issue.path.join('.') || 'it';
  const options = issue.code === 'invalid_value' ? issue.values.map(String) : [];
  const given =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  if (options.length > 0) {
    return `${key} is one of ${options.join(', ')}${typeof given === 'string' ? didYouMean(given, options) : ''}`;
  }
  if (key === 'skip_ssl') {
    return 'skip_ssl is true or false';
  }
  return issue.code === 'invalid_format' && key === 'endpoint'
    ? `${key} ${issue.message}`
    : `${key}: ${issue.message}`;
}

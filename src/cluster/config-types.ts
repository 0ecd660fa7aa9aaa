/** The keys of a connection, as a program writes them; src/cluster/config.ts checks them. */

export const AUTH_METHODS = [
  'in_cluster',
  'certificate',
  'certificate_file',
  'basic_auth',
  'token',
  'kubeconfig',
] as const;

export type KubernetesConfig = {
  /** Follows from the credentials that are given, where it is not said. */
  auth?: (typeof AUTH_METHODS)[number] | undefined;
  /** With `certificate`: base64 of the PEM; with `certificate_file`: a path. */
  certificate?: string | undefined;
  /** As `certificate`; a file of both needs none. */
  key?: string | undefined;
  user?: string | undefined;
  credentials?: string | undefined;
  /** Base64 of the bearer, or a JWT as it stands. */
  token?: string | undefined;
  /** A path; KUBECONFIG or ~/.kube/config without it. */
  kubeconfig?: string | undefined;
  /** Of the kubeconfig; its current one without it. */
  context?: string | undefined;
  /** https where there is a certificate, a token or an authority, else http. */
  http_scheme?: 'http' | 'https' | undefined;
  /** HOST:PORT, an IPv6 address in brackets. */
  endpoint?: string | undefined;
  /** Does not verify the server's certificate. */
  skip_ssl?: boolean | 'true' | 'false' | undefined;
  /** Base64 of the authority's PEM. */
  ca?: string | undefined;
  ca_file?: string | undefined;
};

export type NomadConfig = {
  http_scheme?: 'http' | 'https' | undefined;
  /** HOST:PORT; NOMAD_ADDR, else 127.0.0.1:4646 without it. */
  endpoint?: string | undefined;
  /** The ACL token; NOMAD_TOKEN without it. */
  token?: string | undefined;
  region?: string | undefined;
  /** `dc1` unless said. */
  datacenters?: string[] | undefined;
  /** What runs the tasks; `docker` unless said. */
  driver?: 'docker' | 'podman' | 'exec' | 'raw_exec' | undefined;
  ca?: string | undefined;
  ca_file?: string | undefined;
  certificate?: string | undefined;
  key?: string | undefined;
  certificate_file?: string | undefined;
  key_file?: string | undefined;
  skip_ssl?: boolean | 'true' | 'false' | undefined;
};

/** A connection to a Nomad agent's HTTP API. */

import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { errnoOf, UnetError } from '../../errors.ts';
import { NomadSchema, type ParsedNomadConfig, parseConfig } from '../config.ts';
import type { NomadConfig } from '../config-types.ts';
import { createHttpClient, type HttpClient } from '../http.ts';
import type { ConnectOptions } from '../kubernetes/connect.ts';
import { base64Pem, certificateFiles } from '../kubernetes/credentials.ts';

export type NomadContext = AsyncDisposable & {
  readonly kind: 'nomad';
  readonly server: string;
  readonly http: HttpClient;
  readonly region: string | undefined;
  readonly datacenters: readonly string[];
  /** What runs a job's tasks. */
  readonly driver: string;
  close(): Promise<void>;
};

/**
 * Connects to a Nomad agent: as the configuration says, else NOMAD_ADDR and NOMAD_TOKEN, else 127.0.0.1:4646.
 *
 * @throws UnetError UNET_CONFIG_INVALID
 * @throws ClusterError when the agent cannot be reached, or does not take the token
 */
export async function connectNomad(
  config?: NomadConfig,
  options: ConnectOptions = {},
): Promise<NomadContext> {
  const { env = process.env, signal } = options;
  const parsed = parseConfig(NomadSchema, config, 'the configuration of Nomad');
  const { agent, server, warnings } = transportOf(parsed, env);
  const warn = options.warn ?? ((message: string) => process.emitWarning(message, 'UnetWarning'));
  for (const warning of warnings) warn(warning);
  const token = parsed.token ?? env.NOMAD_TOKEN;
  const headers: Record<string, string> = token ? { 'X-Nomad-Token': token } : {};
  const http = createHttpClient({ server, authorize: async () => ({ agent, headers }) });
  const close = async () => agent.destroy();
  try {
    // Not /v1/agent/self: that needs a right of its own.
    await http.send({
      method: 'GET',
      path: '/v1/nodes',
      query: { per_page: 1, region: parsed.region },
      what: 'connect',
      signal,
      ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: 'nomad',
    server,
    http,
    region: parsed.region ?? env.NOMAD_REGION,
    datacenters: parsed.datacenters ?? ['dc1'],
    driver: parsed.driver ?? 'docker',
    close,
    [Symbol.asyncDispose]: close,
  };
}

function transportOf(config: ParsedNomadConfig, env: NodeJS.ProcessEnv) {
  const trust = authority(config);
  const secure =
    trust !== undefined || config.certificate !== undefined || config.certificate_file !== undefined;
  const scheme = config.http_scheme ?? (secure ? 'https' : 'http');
  const server =
    config.endpoint === undefined
      ? env.NOMAD_ADDR || `${scheme}://127.0.0.1:4646`
      : `${scheme}://${config.endpoint}`;
  if (!/^https?:\/\//.test(server)) {
    throw new UnetError('UNET_CONFIG_INVALID', 'NOMAD_ADDR is not an http or https URL');
  }
  if (server.startsWith('http:')) {
    if (secure)
      throw new UnetError('UNET_CONFIG_INVALID', 'a certificate or an authority needs https', {
        remedy: 'say "http_scheme: https"',
      });
    return { server, agent: new HttpAgent({ keepAlive: true }), warnings: [] as string[] };
  }
  const options: AgentOptions = {
    keepAlive: true,
    rejectUnauthorized: config.skip_ssl !== true,
    ...(trust !== undefined && { ca: trust }),
    ...clientCertificate(config),
  };
  const warnings =
    config.skip_ssl === true ? [`the certificate of ${server} is not verified (skip_ssl)`] : [];
  return { server, agent: new HttpsAgent(options), warnings };
}

function authority({ ca, ca_file: file }: ParsedNomadConfig): string | undefined {
  if (ca !== undefined) return Buffer.from(base64Pem(ca, 'ca'), 'base64').toString();
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UnetError('UNET_CONFIG_INVALID', `cannot read ${file}: ${errnoOf(error) ?? 'failed'}`);
  }
}

function clientCertificate(config: ParsedNomadConfig): AgentOptions {
  const decode = (value: string) => Buffer.from(value, 'base64').toString();
  if (config.certificate_file !== undefined) {
    const { certData, keyData } = certificateFiles(config.certificate_file, config.key_file);
    return { cert: decode(certData), key: decode(keyData) };
  }
  if (config.certificate === undefined) return {};
  if (config.key === undefined) throw new UnetError('UNET_CONFIG_INVALID', '"certificate" needs "key"');
  return {
    cert: decode(base64Pem(config.certificate, 'certificate')),
    key: decode(base64Pem(config.key, 'key')),
  };
}

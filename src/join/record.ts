/**
 * The join record: what a worker needs to join, as data. It is checked on both ends, and what it says ends up in
 * a script that runs as root in the node's container: so each field has a form in which no shell finds anything.
 */
import { isIPv4, isIPv6 } from 'node:net';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import { Secret } from './secret.ts';

export const JOIN_RECORD_VERSION = 1;

// RFC 1123 subdomain in lower case, as kubeadm demands of a control-plane endpoint.
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
// isIP alone would let a zone through ("fe80::1%eth0"), which is of no use on another host.
const ADDRESS_CHARACTERS = /^[0-9a-fA-F:.]{2,45}$/;
// The kubeadm reference, "token format".
const TOKEN = /^[a-z0-9]{6}\.[a-z0-9]{16}$/;
const CA_CERT_HASH = /^sha256:[0-9a-f]{64}$/;
// The form that src/allocation/allocation.ts promises.
const JOB_ID = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
const UNSPECIFIED = new Set(['0.0.0.0', '::']);

/** As net.isIP, which for a name makes Node compile its expression for IPv6: 3 ms, in each worker as it is to join. */
function isAddress(text: string): boolean {
  return isIPv4(text) || (text.includes(':') && isIPv6(text));
}

const Address = z
  .string()
  .refine((text) => ADDRESS_CHARACTERS.test(text) && isAddress(text), 'is not an IPv4 or IPv6 address')
  .refine((text) => !UNSPECIFIED.has(text), 'is the unspecified address');

const Host = z.union([z.string().regex(HOST_NAME), Address], { error: 'is not a host name in lower case' });

const Token = z
  .union([z.instanceof(Secret), z.string().transform((text) => new Secret(text))], {
    error: 'is not a string',
  })
  .refine((secret) => TOKEN.test(secret.reveal()), 'does not have the form of a bootstrap token');

const ApiServer = z
  .object({ host: Host, address: Address, port: z.number().int().min(1).max(65535) })
  .refine(({ host, address }) => !isAddress(host) || host === address, {
    path: ['host'],
    error: 'is an address, but not the API server’s',
  });

const JoinCommand = z.object({
  apiServer: ApiServer,
  token: Token,
  caCertHash: z.string().regex(CA_CERT_HASH, 'is not sha256: and 64 hexadecimal digits in lower case'),
});
/** What `make join-command` says. */
export type JoinCommand = z.infer<typeof JoinCommand>;

export const JoinRecord = z.object({
  version: z.literal(JOIN_RECORD_VERSION),
  jobId: z.string().regex(JOB_ID, 'is not a job id'),
  /** Raised by each bring-up of a job, and when nodes join later. */
  epoch: z.number().int().positive(),
  ...JoinCommand.shape,
  /** ISO 8601 in UTC, by the lead's clock: when the token ends. */
  expiresAt: z.iso.datetime().refine((text) => Number.isFinite(Date.parse(text)), 'is not a date'),
});
export type JoinRecord = z.infer<typeof JoinRecord>;

/** A record as it travels, its token in the clear. Never to be logged. */
export type JoinRecordWire = Omit<JoinRecord, 'token'> & { token: string };

/** Whose record a node waits for, and the first epoch that will do. */
export type JoinExpectation = { jobId: string; epoch: number };

/** The form for a file or a line of a protocol: the only place where a record's token is written out. */
export function toWire(record: JoinRecord): JoinRecordWire {
  return { ...record, token: record.token.reveal() };
}

/**
 * A record from the other end: an object, or the JSON text of one.
 *
 * @throws UnetError UNET_JOIN_RECORD_INVALID naming the fields that are wrong, without their values.
 */
export function parseJoinRecord(value: unknown): JoinRecord {
  const object = typeof value === 'string' ? parseJson(value) : value;
  const parsed = JoinRecord.safeParse(object);
  if (!parsed.success) {
    throw invalid(`the join record is not valid: ${describeIssues(parsed.error)}`);
  }
  return parsed.data;
}

/**
 * Reads the file that `make join-command` wrote (recorded/usernetes/join-command.txt): the address comes from the
 * line for /etc/hosts, all else from the last `kubeadm join`. podman-compose may have put CR and lines of its own
 * between; flags that a worker has no use for are dropped.
 *
 * @throws UnetError UNET_JOIN_RECORD_INVALID saying what is missing; the token is never in the message.
 */
export function parseJoinCommand(text: string): JoinCommand {
  const lines = logicalLines(text);
  const words = lines
    .findLast((line) => /^(\+ )?kubeadm\s+join\s/.test(line))
    ?.replace(/^\+ /, '')
    .split(/\s+/);
  if (words === undefined) {
    throw invalid('the join command has no line that begins with "kubeadm join"');
  }
  const { endpoint, flags } = readWords(words.slice(2));
  const refused = ['control-plane', 'certificate-key'].find((flag) => flags.has(flag));
  if (refused !== undefined) {
    throw invalid(`the join command has --${refused}: it would make a worker a control plane`);
  }
  const { host, port } = readEndpoint(endpoint);
  const address = addressOf(host, lines);
  const token = flags.get('token');
  const caCertHash = flags.get('discovery-token-ca-cert-hash');
  const missing = [
    host === undefined && 'the API server (HOST:PORT)',
    host !== undefined && address === undefined && `the address of the API server (a line for /etc/hosts)`,
    token === undefined && '--token',
    caCertHash === undefined && '--discovery-token-ca-cert-hash',
  ].filter((part) => part !== false);
  if (missing.length > 0) {
    throw invalid(`the join command lacks ${missing.join(' and ')}`);
  }
  const parsed = JoinCommand.safeParse({ apiServer: { host, address, port }, token, caCertHash });
  if (!parsed.success) {
    throw invalid(`the join command is not valid: ${describeIssues(parsed.error)}`);
  }
  return parsed.data;
}

/**
 * The file that upstream's `make kubeadm-join` runs in the node, made of the validated fields and nothing else.
 * As upstream's, but without `-x`, which would print the token into the step's output.
 *
 * @throws UnetError UNET_JOIN_RECORD_INVALID when a field does not have its form, whoever made the record.
 */
export function renderJoinCommand(command: JoinCommand): string {
  const parsed = JoinCommand.safeParse(command);
  if (!parsed.success) {
    throw invalid(`the join record is not valid: ${describeIssues(parsed.error)}`);
  }
  const { apiServer, token, caCertHash } = parsed.data;
  const { host, address, port } = apiServer;
  const endpoint = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return [
    '#!/bin/bash',
    'set -eu -o pipefail',
    ...(!isAddress(host)
      ? [`echo "${address}  ${host}" >/etc/hosts.u7s`, 'cat /etc/hosts.u7s >>/etc/hosts']
      : []),
    `kubeadm join ${endpoint} --token ${token.reveal()} --discovery-token-ca-cert-hash ${caCertHash}`,
    '',
  ].join('\n');
}

/**
 * Refuses a record of another job or of an earlier epoch. Not one that has expired by this host's clock, which may be wrong: the API
 * server has the last word on the token, and one that has ended costs a failed join that says so.
 *
 * @throws UnetError UNET_JOIN_RECORD_STALE saying which of them it is.
 */
export function checkJoinRecord(record: JoinRecord, { jobId, epoch }: JoinExpectation): void {
  if (record.jobId !== jobId) {
    throw stale(`the join record is of another job, ${record.jobId} (this is ${jobId})`);
  }
  if (record.epoch < epoch) {
    throw stale(
      `the join record is an earlier one of ${jobId}, number ${record.epoch} (awaited: ${epoch} or later)`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and so perhaps the token.
    throw invalid('the join record is not valid JSON');
  }
}

/** Field names and reasons. Never the values: one of them is the token. */
function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'the record'} ${reason(issue)}`).join('; ');
}

function reason(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `is not a ${issue.expected}`;
    case 'invalid_value':
      return `is not ${issue.values.join(' or ')}`;
    case 'too_small':
    case 'too_big':
      return 'is out of range';
    case 'invalid_format':
      return issue.message.startsWith('is ') ? issue.message : 'has the wrong form';
    default:
      return issue.message;
  }
}

function logicalLines(text: string): string[] {
  return text
    .replace(/\r*\n|\r/g, '\n')
    .replace(/\\[ \t]*\n/g, ' ')
    .split('\n')
    .map((line) => line.trim());
}

/** Flags as `--name value` or `--name=value`; of a repeated flag the first counts (kubeadm takes any one CA hash). */
function readWords(words: string[]): {
  endpoint: string | undefined;
  flags: Map<string, string | undefined>;
} {
  const flags = new Map<string, string | undefined>();
  let endpoint: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const flag = /^--([a-z-]+)(?:=(.*))?$/.exec(word);
    if (flag === null) {
      endpoint ??= word;
      continue;
    }
    const [, name = '', inline] = flag;
    const next = words[i + 1];
    const takesNext = inline === undefined && next !== undefined && !next.startsWith('--');
    if (!flags.has(name)) {
      flags.set(name, inline ?? (takesNext ? next : undefined));
    }
    i += takesNext ? 1 : 0;
  }
  return { endpoint: endpoint === '' ? undefined : endpoint, flags };
}

function readEndpoint(endpoint: string | undefined): { host?: string | undefined; port?: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(endpoint ?? '');
  return match === null ? {} : { host: match[1] ?? match[2], port: Number(match[3]) };
}

function addressOf(host: string | undefined, lines: string[]): string | undefined {
  if (host === undefined || isAddress(host)) {
    return host;
  }
  const entries = lines.map((line) =>
    /^(?:\+ )?echo\s+["']?([^\s"']+)\s+([^\s"']+)["']?\s*>+\s*\/etc\/hosts/.exec(line),
  );
  return entries.findLast((entry) => entry?.[2] === host)?.[1];
}

function invalid(message: string): UnetError {
  return new UnetError('UNET_JOIN_RECORD_INVALID', message, {
    remedy: 'see the log of the step join-command on the lead node',
  });
}

function stale(message: string): UnetError {
  return new UnetError('UNET_JOIN_RECORD_STALE', message, {
    remedy: 'nothing to do while a fresh one is awaited; if none comes, see the lead node’s log',
  });
}

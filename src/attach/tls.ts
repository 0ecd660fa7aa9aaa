/**
 * Supervisor and self-started agents speak over TLS with a pre-shared key (RFC 4279, RFC 5489): both ends prove that they could
 * read the job's meeting point, and nothing of what they say can be read or changed on the way.
 */

// With forward secrecy: a key that leaks later does not open what was recorded.
const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES256-GCM-SHA384:DHE-PSK-AES128-GCM-SHA256';
const IDENTITY = 'unet';

export const KEY_BYTES = 32;

// Node has pre-shared keys up to TLS 1.2 only (tls.createServer, "pskCallback").
const COMMON = { ciphers: CIPHERS, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;

export function serverTls(key: Buffer) {
  return {
    ...COMMON,
    dhparam: 'auto',
    handshakeTimeout: 10_000,
    pskCallback: (_: unknown, identity: string) => (identity === IDENTITY ? key : null),
  } as const;
}

export function clientTls(key: Buffer) {
  return {
    ...COMMON,
    // There is no certificate: the key is what identifies.
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: key, identity: IDENTITY }),
  };
}

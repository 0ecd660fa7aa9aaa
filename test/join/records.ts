/** A join record that is good, to be spoilt by the tests. */
import { readFileSync } from 'node:fs';
import type { JoinRecord } from '../../src/join/record.ts';
import { Secret } from '../../src/join/secret.ts';

export const TOKEN = 'vyndqi.xb2dq6qyi3l0sxqp';
export const CA_CERT_HASH = 'sha256:577dce2e0ca0978bf0523e7c5d724ad9035f45d176265ebafae02640d301e465';
export const EXPECT = { jobId: 'slurm-42', epoch: 2 };

export function goodRecord(changes: Partial<JoinRecord> = {}): JoinRecord {
  return {
    version: 1,
    ...EXPECT,
    apiServer: { host: 'u7s-n0', address: '10.77.0.10', port: 6443 },
    token: new Secret(TOKEN),
    caCertHash: CA_CERT_HASH,
    expiresAt: new Date(Date.now() + 600_000).toISOString(),
    ...changes,
  };
}

export function recorded(name: string): string {
  return readFileSync(new URL(`../../fixtures/usernetes/${name}`, import.meta.url), 'utf8');
}

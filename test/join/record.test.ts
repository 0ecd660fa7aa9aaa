import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnetError } from '../../src/errors.ts';
import {
  checkJoinRecord,
  parseJoinCommand,
  parseJoinRecord,
  renderJoinCommand,
  toWire,
} from '../../src/join/record.ts';
import { Secret } from '../../src/join/secret.ts';
import { CA_CERT_HASH, EXPECT, goodRecord, recorded, TOKEN } from './records.ts';

const RECORDED = recorded('join-command.txt');
const plain = (text: string) => {
  const { token, ...rest } = parseJoinCommand(text);
  return { ...rest, token: token.reveal() };
};
const EXPECTED = {
  apiServer: { host: 'u7s-n0', address: '10.77.0.10', port: 6443 },
  caCertHash: CA_CERT_HASH,
  token: TOKEN,
};
const errorOf = (action: () => unknown): UnetError => {
  try {
    action();
  } catch (error) {
    if (UnetError.is(error)) {
      return error;
    }
    throw error;
  }
  throw new Error('it was accepted');
};

describe('the join command', () => {
  test('of upstream is understood', () => {
    expect(plain(RECORDED)).toEqual(EXPECTED);
  });

  test.each([
    ['with CR at the ends of lines', RECORDED.replaceAll('\n', '\r\n')],
    ['with doubled CR', RECORDED.replaceAll('\n', '\r\r\n')],
    [
      'with lines that podman-compose put in',
      `podman exec --interactive --tty node kubeadm token create\n${RECORDED}exit code: 0\n`,
    ],
    ['in several lines', RECORDED.replace(' --discovery', ' \\\n\t--discovery')],
    ['in several lines with CR', RECORDED.replace(' --discovery', ' \\\r\n\t--discovery')],
    ['with flags written with "="', RECORDED.replace('--token ', '--token=').replace('-hash ', '-hash=')],
    ['with flags that do not matter', RECORDED.replace('--token', '--v=5 --token')],
    [
      'with two CA hashes, of which the first will do',
      RECORDED.replace(/ \n$/, ` --discovery-token-ca-cert-hash sha256:${'0'.repeat(64)}\n`),
    ],
    [
      'twice, of which the last counts',
      RECORDED.replace('kubeadm join', `kubeadm join old:1 --token abcdef.0123456789abcdef\nkubeadm join`),
    ],
    ['without a line end', RECORDED.trimEnd()],
  ])('is understood %s', (_, text) => {
    expect(text).not.toBe(RECORDED);
    expect(plain(text)).toEqual(EXPECTED);
  });

  test('may name the API server by its address, which then needs no entry for /etc/hosts', () => {
    expect(
      plain(`kubeadm join 10.0.0.1:6443 --token ${TOKEN} --discovery-token-ca-cert-hash ${CA_CERT_HASH}`)
        .apiServer,
    ).toEqual({
      host: '10.0.0.1',
      address: '10.0.0.1',
      port: 6443,
    });
    expect(
      plain(`kubeadm join [fd00::1]:6443 --token ${TOKEN} --discovery-token-ca-cert-hash ${CA_CERT_HASH}`)
        .apiServer.host,
    ).toBe('fd00::1');
  });

  test.each([
    [
      'no line of kubeadm',
      RECORDED.replace('kubeadm join', 'kubeadm'),
      'no line that begins with "kubeadm join"',
    ],
    ['no token', RECORDED.replace(/--token \S+/, ''), 'lacks --token'],
    ['a token flag without a token', RECORDED.replace(TOKEN, ''), 'lacks --token'],
    ['no CA hash', RECORDED.replace(/--discovery\S+ \S+/, ''), 'lacks --discovery-token-ca-cert-hash'],
    ['no API server', RECORDED.replace('u7s-n0:6443 ', ''), 'lacks the API server'],
    ['no address', RECORDED.replace('10.77.0.10', ''), 'lacks the address of the API server'],
    [
      'the address of another host',
      RECORDED.replace('  u7s-n0"', '  u7s-n9"'),
      'lacks the address of the API server',
    ],
    ['a port out of range', RECORDED.replace(':6443', ':65536'), 'apiServer.port is out of range'],
    [
      'no address but a word',
      RECORDED.replace('10.77.0.10', 'localhost'),
      'apiServer.address is not an IPv4 or IPv6 address',
    ],
    ['a short CA hash', RECORDED.replace('301e465', ''), 'caCertHash is not sha256:'],
    ['a broken token', RECORDED.replace(TOKEN, `${TOKEN}extra`), 'token does not have the form'],
    ['a join as control plane', RECORDED.replace(' \n', ' --control-plane\n'), '--control-plane'],
    ['a certificate key', RECORDED.replace(' \n', ' --certificate-key 0123\n'), '--certificate-key'],
    ['nothing in it', '', 'no line that begins'],
  ])('with %s is refused, the reason said and the token not', (_, text, reason) => {
    const error = errorOf(() => parseJoinCommand(text));
    expect(error.code).toBe('UNET_JOIN_RECORD_INVALID');
    expect(error.message).toContain(reason);
    expect(JSON.stringify(error.toRecord())).not.toContain('xb2dq6');
  });

  test('that is made for a worker is a script that bash accepts, and that does not echo the token', () => {
    const script = renderJoinCommand(goodRecord());
    execFileSync('bash', ['-n'], { input: script });
    expect(script).not.toContain('-x');
    expect(plain(script)).toEqual(EXPECTED);
  });
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const hostName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const address = fc.oneof(fc.ipV4(), fc.ipV6()).filter((text) => !/^(0\.0\.0\.0|[0:]*)$/.test(text));
const good = fc.record({
  version: fc.constant(1),
  jobId: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/),
  epoch: fc.integer({ min: 1 }),
  apiServer: fc
    .record({ host: hostName, address, port: fc.integer({ min: 1, max: 65535 }), byAddress: fc.boolean() })
    .map(({ byAddress, host, address: a, port }) => ({
      host: byAddress || /^[\d.]+$/.test(host) ? a : host,
      address: a,
      port,
    })),
  token: fc.stringMatching(/^[a-z0-9]{6}\.[a-z0-9]{16}$/),
  caCertHash: fc.stringMatching(/^sha256:[0-9a-f]{64}$/),
  expiresAt: fc
    .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
});

// What a shell or a line-based parser might take for something else.
const hostile = fc.oneof(
  fc.constantFrom(
    '$(id)',
    '`id`',
    ';id',
    '|id',
    '&id',
    '\nid',
    '\rid',
    '\0',
    '"',
    "'",
    '\\',
    ' ',
    '\t',
    '>x',
    '<x',
    '*',
    '?',
    '[a]',
    '{a,b}',
    '~',
    '#',
    '!',
    '$HOME',
    '%eth0',
    '-',
    '--token',
    'é',
    '\u2028',
    'A',
    '',
    '0.0.0.0',
    '::',
    '../x',
  ),
  fc.string({ minLength: 1, unit: 'binary' }),
);

describe('a join record', () => {
  test('that is good survives the journey over the wire and through the script', () => {
    fc.assert(
      fc.property(good, (wire) => {
        const record = parseJoinRecord(JSON.stringify(toWire(parseJoinRecord(wire))));
        expect(toWire(record)).toEqual(wire);
        const { apiServer, token, caCertHash } = wire;
        expect(plain(renderJoinCommand(record))).toEqual({ apiServer, token, caCertHash });
      }),
    );
  });

  test('never brings anything into the script that a shell would interpret', () => {
    const SAFE =
      /^#!\/bin\/bash\nset -eu -o pipefail\n(echo "[0-9a-fA-F:.]+ {2}[a-z0-9.-]+" >\/etc\/hosts\.u7s\ncat \/etc\/hosts\.u7s >>\/etc\/hosts\n)?kubeadm join (\[[0-9a-fA-F:.]+\]|[a-z0-9][a-z0-9.-]*):\d+ --token [a-z0-9]{6}\.[a-z0-9]{16} --discovery-token-ca-cert-hash sha256:[0-9a-f]{64}\n$/;
    const paths = [
      'jobId',
      'token',
      'caCertHash',
      'expiresAt',
      'apiServer.host',
      'apiServer.address',
      'apiServer.port',
    ] as const;
    let accepted = 0;
    fc.assert(
      fc.property(
        good,
        fc.constantFrom(...paths),
        hostile,
        fc.constantFrom('replace', 'append', 'prepend'),
        (wire, path, text, how) => {
          const spoilt = spoil(wire, path, (value) =>
            how === 'replace' ? text : how === 'append' ? `${value}${text}` : `${text}${value}`,
          );
          let script: string;
          try {
            script = renderJoinCommand(parseJoinRecord(spoilt));
          } catch (error) {
            expect(error).toMatchObject({ code: 'UNET_JOIN_RECORD_INVALID' });
            return;
          }
          accepted++;
          expect(script).toMatch(SAFE);
        },
      ),
      { numRuns: 2000 },
    );
    expect(accepted).toBeLessThan(1000);
  });

  test('may not have an address that means something on this host only', () => {
    for (const address of ['fe80::1%eth0', '0.0.0.0', '::', '']) {
      for (const host of ['u7s-n0', address]) {
        const wire = { ...toWire(goodRecord()), apiServer: { host, address, port: 6443 } };
        expect(errorOf(() => parseJoinRecord(wire)).code).toBe('UNET_JOIN_RECORD_INVALID');
      }
    }
  });

  test('of any other shape is refused as one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.json(), fc.string()), (value) => {
        expect(errorOf(() => parseJoinRecord(value)).code).toBe('UNET_JOIN_RECORD_INVALID');
      }),
    );
  });

  test('that was made by hand is checked again before it becomes a script', () => {
    const record = goodRecord({ token: new Secret('abc; reboot') });
    expect(errorOf(() => renderJoinCommand(record)).code).toBe('UNET_JOIN_RECORD_INVALID');
    const host = goodRecord({ apiServer: { host: 'a"; reboot "', address: '10.0.0.1', port: 6443 } });
    expect(errorOf(() => renderJoinCommand(host)).code).toBe('UNET_JOIN_RECORD_INVALID');
  });

  test('that is broken is refused without its token in the message', () => {
    const text = JSON.stringify(toWire(goodRecord()));
    for (const broken of [
      text.slice(0, -20),
      text.replace('"epoch":2', '"epoch":0'),
      text.replace(TOKEN, `${TOKEN}x`),
    ]) {
      const error = errorOf(() => parseJoinRecord(broken));
      expect(JSON.stringify([error.toRecord(), String(error.stack)])).not.toContain('xb2dq6');
    }
  });

  test('of a later version of unet is refused, naming the version', () => {
    expect(errorOf(() => parseJoinRecord({ ...toWire(goodRecord()), version: 2 })).message).toContain(
      'version is not 1',
    );
  });
});

describe('a join record is stale', () => {
  const record = goodRecord({ expiresAt: '2026-01-01T12:00:00.000Z' });

  test.each([
    [
      'when it is another job’s',
      { ...EXPECT, jobId: 'slurm-43' },
      'of another job, slurm-42 (this is slurm-43)',
    ],
    [
      'when it is of an earlier epoch',
      { ...EXPECT, epoch: 3 },
      'an earlier one of slurm-42, number 2 (awaited: 3 or later)',
    ],
  ])('%s, and says so', (_, expectation, reason) => {
    const error = errorOf(() => checkJoinRecord(record, expectation));
    expect(error.code).toBe('UNET_JOIN_RECORD_STALE');
    expect(error.message).toContain(reason);
  });

  test('but not when its epoch is a later one, nor when it has expired by this host’s clock, which may be wrong', () => {
    checkJoinRecord(record, { ...EXPECT, epoch: 1 });
    checkJoinRecord(goodRecord({ expiresAt: '2000-01-01T00:00:00.000Z' }), EXPECT);
  });
});

function spoil(wire: Record<string, unknown>, path: string, change: (value: unknown) => unknown): unknown {
  const [first = '', second] = path.split('.');
  if (second === undefined) {
    return { ...wire, [first]: change(wire[first]) };
  }
  const inner = wire[first] as Record<string, unknown>;
  return { ...wire, [first]: { ...inner, [second]: change(inner[second]) } };
}

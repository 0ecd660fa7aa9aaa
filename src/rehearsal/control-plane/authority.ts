// reflect-metadata has to be there before @peculiar/x509 is loaded.
import 'reflect-metadata';
import { createHash, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its key, PEM. */
export interface Credentials {
  certificate: string;
  key: string;
}

type Keys = webcrypto.CryptoKeyPair;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 3600_000;
const yearMs = 365 * dayMs;
const { digitalSignature, keyEncipherment, keyCertSign } = x509.KeyUsageFlags;
const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;

/** The cluster's certificate authority, as kubeadm makes it (with P-256 keys). */
export class Authority {
  readonly certificate: string;
  /** sha256 of the public key's DER, as pinned by `kubeadm join`. */
  readonly publicKeyHash: string;
  readonly #keys: Keys;
  readonly #root: x509.X509Certificate;

  private constructor(keys: Keys, root: x509.X509Certificate) {
    this.#keys = keys;
    this.#root = root;
    this.certificate = pem(root);
    this.publicKeyHash = createHash('sha256').update(Buffer.from(root.publicKey.rawData)).digest('hex');
  }

  static async create(): Promise<Authority> {
    x509.cryptoProvider.set(webcrypto);
    const keys = await generateKeys();
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: 'CN=kubernetes',
      keys: keys,
      ...validity(10 * yearMs),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(digitalSignature | keyEncipherment | keyCertSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'kubernetes' }]),
      ],
    });
    return new Authority(keys, root);
  }

  /** The API server's certificate. */
  async issueServer(names: readonly string[], addresses: readonly string[]): Promise<Credentials> {
    const keys = await generateKeys();
    const alternatives = new x509.SubjectAlternativeNameExtension([
      ...names.map((value) => ({ type: 'dns', value }) as const),
      ...addresses.map((value) => ({ type: 'ip', value }) as const),
    ]);
    const certificate = await this.#sign('CN=kube-apiserver', keys.publicKey, [serverAuth], [alternatives]);
    return { certificate, key: await exportKey(keys) };
  }

  /** A client certificate of a user in a group; a kubelet serves logs with its own. */
  async issueClient(user: string, group: string): Promise<Credentials> {
    const keys = await generateKeys();
    const certificate = await this.#sign(subject(user, group), keys.publicKey, [serverAuth, clientAuth]);
    return { certificate, key: await exportKey(keys) };
  }

  /** Signs a PEM request of a kubelet as it is. @throws Error when its signature is wrong */
  async signRequest(request: string): Promise<{ certificate: string; subject: string }> {
    const csr = new x509.Pkcs10CertificateRequest(request);
    if (!(await csr.verify())) throw new Error('the signature of the certificate request is wrong');
    const key = await csr.publicKey.export(algorithm, ['verify']);
    return {
      certificate: await this.#sign(csr.subject, key, [serverAuth, clientAuth]),
      subject: csr.subject,
    };
  }

  async #sign(
    subjectName: string,
    publicKey: webcrypto.CryptoKey,
    usages: x509.ExtendedKeyUsage[],
    extensions: x509.Extension[] = [],
  ): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: subjectName,
      issuer: this.#root.subject,
      ...validity(yearMs),
      publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.KeyUsagesExtension(digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        new x509.BasicConstraintsExtension(false, undefined, true),
        await x509.AuthorityKeyIdentifierExtension.create(this.#root, false),
        ...extensions,
      ],
    });
    return pem(certificate);
  }
}

function generateKeys(): Promise<Keys> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
}

async function exportKey(keys: Keys): Promise<string> {
  return KeyObject.from(keys.privateKey).export({ type: 'sec1', format: 'pem' }) as string;
}

function subject(user: string, group: string): string {
  return new x509.Name([{ O: [group] }, { CN: [user] }]).toString();
}

/** Backdated as kubeadm does, for clocks that differ. */
function validity(milliseconds: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 5 * 60_000), notAfter: new Date(now + milliseconds) };
}

/** Positive, as RFC 5280 wants it. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

// reflect-metadata has to be there before @peculiar/x509 is loaded.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** Makes a kubelet's key and the request for its client certificate, both PEM. */
export async function createKubeletRequest(node: string): Promise<{ key: string; request: string }> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([{ O: ['system:nodes'] }, { CN: [`system:node:${node}`] }]).toString(),
    keys: keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'sec1', format: 'pem' }) as string;
  return { key, request: `${request.toString('pem')}\n` };
}

/** Takes secrets out of text before it reaches a log, an event or an error. */

// A kubeadm bootstrap token: six characters, a dot, sixteen (kubeadm reference, "token format").
const BOOTSTRAP_TOKEN = /\b([a-z0-9]{6})\.[a-z0-9]{16}\b/g;
const KEY_DATA = /(client-key-data:\s*)\S+/g;
const PEM_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** `text` with bootstrap tokens and private keys replaced. The token's public id stays, it names the Secret. */
export function redact(text: string): string {
  return text
    .replace(BOOTSTRAP_TOKEN, '$1.[secret]')
    .replace(KEY_DATA, '$1[secret]')
    .replace(PEM_KEY, '[secret key]');
}

/** Takes secrets out of text before it reaches a log, an event or an error. */

// A kubeadm bootstrap token: six characters, a dot, sixteen (kubeadm reference, "token format").
const BOOTSTRAP_TOKEN = /(?<![a-z0-9])([a-z0-9]{6})\.[a-z0-9]{16}(?![a-z0-9])/g;
// In a kubeconfig, as YAML or JSON; and the token's secret half in its own Secret.
const KEY_DATA = /((?:client-key-data|token-secret)"?\s*:\s*"?)[^\s"]+/g;
const PEM_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const PEM_BEGIN = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const PEM_END = /-----END [A-Z ]*PRIVATE KEY-----/;

/** `text` with bootstrap tokens and private keys replaced. The token's public id stays, it names the Secret. */
export function redact(text: string): string {
  return text
    .replace(BOOTSTRAP_TOKEN, '$1.[secret]')
    .replace(KEY_DATA, '$1[secret]')
    .replace(PEM_KEY, '[secret key]');
}

/** As `redact` for text that comes line by line: a private key goes over many lines. */
export function createLineRedactor(): (line: string) => string {
  let inKey = false;
  return (line) => {
    if (inKey) {
      inKey = !PEM_END.test(line);
      return '[secret key]';
    }
    inKey = PEM_BEGIN.test(line) && !PEM_END.test(line);
    return redact(line);
  };
}

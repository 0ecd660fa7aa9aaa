/** A bearer token in a file that somebody else renews. */
import { readFileSync, statSync } from 'node:fs';
import { errnoOf, UnetError } from '../../errors.ts';

/** Gives the token that counts now. */
export type TokenSource = { read: () => string };

/** Reads the file when it is another than before: a kubelet replaces it by a rename. */
export function tokenFile(file: string): TokenSource {
  let seen = '';
  let token = '';
  return {
    read: () => {
      try {
        const { mtimeMs, ino, size } = statSync(file);
        const now = `${mtimeMs} ${ino} ${size}`;
        if (now !== seen) {
          token = readFileSync(file, 'utf8').trim();
          seen = now;
        }
      } catch (error) {
        throw new UnetError(
          'UNET_CONFIG_INVALID',
          `cannot read the token ${file}: ${errnoOf(error) ?? 'failed'}`,
          {
            remedy:
              'is this a pod with a service account? KUBERNETES_SERVICE_TOKEN may hold the token instead',
          },
        );
      }
      if (token === '') {
        throw new UnetError('UNET_CONFIG_INVALID', `the token ${file} is empty`);
      }
      return token;
    },
  };
}

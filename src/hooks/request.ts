/** The request of a job on standard input, as the prolog hands it on. */
import type { Readable } from 'node:stream';
import { UnetError } from '../errors.ts';

// A jobspec has the job's environment and script in it.
const MAX_CHARS = 32 * 1024 * 1024;

export async function readRequest(input: Readable): Promise<string> {
  let text = '';
  for await (const chunk of input.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_CHARS) {
      throw new UnetError(
        'UNET_USAGE',
        `the request on standard input is longer than ${MAX_CHARS} characters`,
      );
    }
  }
  return text;
}

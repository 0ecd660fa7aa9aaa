/** How a command that failed says so. */
import { type ErrorCode, UnetError } from '../../errors.ts';
import { errorLines } from '../../events/error-text.ts';
import { redactedJson } from '../../events/redacted-json.ts';
import { redact } from '../../process/redact.ts';
import type { Output } from './output.ts';

// What a user mistyped needs no block.
const ONE_LINE_EACH: readonly ErrorCode[] = ['UNET_USAGE', 'UNET_CONFIG_INVALID', 'UNET_JOBSPEC_INVALID'];

/**
 * Renders what was thrown and gives the exit code. Wrong use is one line (wrong settings: one for each); the rest
 * is a block. With `json` it is one JSON line on stdout instead. A defect shows its stack with UNET_DEBUG=1.
 */
export function renderFailure(
  thrown: unknown,
  output: Output,
  how: { json: boolean; debug: boolean },
): number {
  const error = UnetError.from(thrown);
  if (how.json) {
    output.out(redactedJson({ type: 'error', error: error.toRecord() }));
  } else if (ONE_LINE_EACH.includes(error.code)) {
    const { remedy } = error.details;
    for (const line of [...error.message.split('\n'), ...(remedy === undefined ? [] : [remedy])]) {
      output.say(redact(`unet: ${line}`));
    }
  } else {
    for (const line of errorLines(error.toRecord())) {
      output.say(line);
    }
  }
  if (how.debug) {
    const { stack } = error.cause instanceof Error ? error.cause : error;
    output.say(redact(stack ?? ''));
  }
  return error.exitCode;
}

/** The entry of dist/supervisor.js: `unet node supervisor`, which `unet up` starts with its request on standard input. */
import '../process/inherited.ts';
import '../process/umask.ts';
import { appendFileSync } from 'node:fs';
import { text as readText } from 'node:stream/consumers';
import { EXIT, UnetError } from '../errors.ts';
import { redactedJson } from '../events/redacted-json.ts';
import { jobPaths } from '../job/layout.ts';
import { redact } from '../process/redact.ts';
import { interruptions } from '../process/signals.ts';
import { SupervisorRequest } from '../protocol/supervisor-request.ts';
import { serve } from '../supervisor/serve.ts';

process.exit(await main());

async function main(): Promise<number> {
  try {
    const request = SupervisorRequest.parse(JSON.parse(await readText(process.stdin)));
    // A defect ends the supervisor, and so the cluster: the reason is in the log that stays.
    process.on('uncaughtException', (error) => {
      const text = redact(`${new Date().toISOString()} uncaught: ${error.stack ?? error.message}\n`);
      appendFileSync(jobPaths(request.jobDir).supervisorLog, text, { mode: 0o600 });
      process.exit(EXIT.failed);
    });
    if (!(await serve({ ...request, env: process.env, signal: interruptions() }))) {
      console.error(`another supervisor of ${request.allocation.jobId} is running`);
    }
    return EXIT.done;
  } catch (error) {
    // The command that has started this one reads it: src/session/supervisor-process.ts.
    console.log(redactedJson({ type: 'error', error: UnetError.from(error).toRecord() }));
    return EXIT.failed;
  }
}

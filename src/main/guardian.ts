/** The entry of dist/guardian.js: `unet node guardian REQUEST`, which the shell of a guardian becomes when its agent has died. */
import '../process/inherited.ts';
import '../process/umask.ts';
import { EXIT, UnetError } from '../errors.ts';
import { GuardianRequest, guard } from '../node/guardian.ts';

// The end of the job is no reason to leave the node as it is.
for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGALRM'] as const) {
  process.on(name, () => {});
}
process.exit(await main(process.argv[4]));

async function main(text = ''): Promise<number> {
  try {
    const problem = await guard(GuardianRequest.parse(JSON.parse(text)), process.env);
    return problem === undefined ? EXIT.done : EXIT.failed;
  } catch (error) {
    console.error(UnetError.from(error).message);
    return EXIT.usage;
  }
}

/** The entry of dist/everyday.js: what is in every batch script, with half of the code to read and compile. bin/unet.js names these, too. */
import { attr } from './cli/attr.ts';
import { down } from './cli/down.ts';
import { env } from './cli/env.ts';
import { rehearse } from './cli/rehearse.ts';
import { run } from './cli/run.ts';
import { up } from './cli/up.ts';
import { main } from './main.ts';

await main([run, up, down, rehearse, env, attr]);

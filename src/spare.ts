/** The entry of dist/spare.js: what a supervisor starts before it reads its own code. */
import './process/umask.ts';
import { startSpareAgent } from './launch/spare-agent.ts';

const { argv, env } = process;
startSpareAgent(argv[argv.indexOf('--spare-agent') + 1] ?? '', env);

/** The entry of dist/early.js: what a command that brings a cluster up starts before it reads its own code. */
import './process/umask.ts';
import { startSpare, takeSpare } from './lead/supervisor-process.ts';

try {
  startSpare(process.argv, process.env);
  // A command that ends without need of it: at once, so that nobody sees two.
  process.on('exit', () => takeSpare()?.dismiss());
} catch {
  // The command tries again when it needs one, and then says why it cannot be had.
}

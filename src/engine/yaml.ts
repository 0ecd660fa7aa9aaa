/** The parser of compose files, in a file of its own: read when there is one to parse. */
export { parse } from 'yaml';

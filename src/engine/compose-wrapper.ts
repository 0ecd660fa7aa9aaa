/** The small script that make runs as COMPOSE: the compose client with this node's project and files. */
import { shellQuote } from '../process/quote.ts';

export type Wrapper = {
  /** Words of the compose command. */
  compose: readonly string[];
  project: string;
  /** In the order in which they are merged. */
  files: readonly string[];
  /** Whether the image is there already: then `up` must not build, whatever the Makefile says. */
  noBuild: boolean;
};

/**
 * The script's text. All words are quoted as they are written, so nothing of them is read by the shell; what make
 * passes goes through untouched.
 */
export function renderWrapper({ compose, project, files, noBuild }: Wrapper): string {
  const words = [...compose, '-p', project, ...files.flatMap((file) => ['-f', file])];
  return `#!/bin/sh
# Written by unet: the compose command of this job and node. It goes with the node.
set -eu
${noBuild ? NO_BUILD : ''}exec ${words.map(quoted).join(' ')} "$@"
`;
}

// The Makefile says `up --build -d`.
const NO_BUILD = `if [ "\${1-}" = up ]; then
  for word in "$@"; do
    shift
    [ "$word" != --build ] || word=--no-build
    set -- "$@" "$word"
  done
fi
`;

/** A word as sh(1) takes it literally. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : shellQuote(word);
}

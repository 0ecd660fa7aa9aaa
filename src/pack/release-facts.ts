/** What the files of a release say of its version and licence. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type ReleaseFacts = { kubernetes: string | undefined; licence: string | undefined };

// `ARG BASE_IMAGE=docker.io/kindest/node:v1.34.2`: what the node image is built on.
const BASE_IMAGE = /^\s*(?:ARG|FROM)\b.*\bkindest\/node:(v\d+\.\d+\.\d+[\w.-]*)/m;
const LICENCES: readonly (readonly [RegExp, string])[] = [
  [/Apache License\s+Version 2\.0/, 'Apache-2.0'],
  [/MIT License|Permission is hereby granted, free of charge/, 'MIT'],
  [/GNU GENERAL PUBLIC LICENSE\s+Version 3/, 'GPL-3.0'],
];

/** @param directory of the unpacked release. */
export async function readReleaseFacts(directory: string): Promise<ReleaseFacts> {
  const read = (name: string) => readFile(join(directory, name), 'utf8').catch(() => '');
  const [dockerfile, licence] = await Promise.all([read('Dockerfile'), read('LICENSE')]);
  return {
    kubernetes: BASE_IMAGE.exec(dockerfile)?.[1],
    licence: LICENCES.find(([text]) => text.test(licence))?.[1],
  };
}

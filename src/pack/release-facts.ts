/** What the files of a release say of its version and licence. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PINS } from '../provision/pins.ts';

export type ReleaseFacts = { kubernetes: string | undefined; licence: string | undefined };

// `ARG BASE_IMAGE=docker.io/kindest/node:v1.34.2`: what the node image is built on.
const BASE_IMAGE = /^\s*(?:ARG|FROM)\b.*\bkindest\/node:(v\d+\.\d+\.\d+[\w.-]*)/m;
const LICENCES: readonly (readonly [RegExp, string])[] = [
  [/Apache License\s+Version 2\.0/, 'Apache-2.0'],
  [/MIT License|Permission is hereby granted, free of charge/, 'MIT'],
  [/GNU GENERAL PUBLIC LICENSE\s+Version 3/, 'GPL-3.0'],
];

/** @param directory of the unpacked release. @param sha256 of its archive: of a release that is known more is known. */
export async function readReleaseFacts(directory: string, sha256: string): Promise<ReleaseFacts> {
  const read = (name: string) => readFile(join(directory, name), 'utf8').catch(() => '');
  const [dockerfile, licence] = await Promise.all([read('Dockerfile'), read('LICENSE')]);
  const pin = PINS.find((one) => one.sha256 === sha256);
  return {
    kubernetes: pin === undefined ? BASE_IMAGE.exec(dockerfile)?.[1] : `v${pin.kubernetes}`,
    licence: LICENCES.find(([text]) => text.test(licence))?.[1],
  };
}

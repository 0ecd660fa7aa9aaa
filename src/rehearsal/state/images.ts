import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Project } from './project.ts';

type Place = Pick<Project, 'rehearsalDirectory'>;

/** The id of an image that was loaded, by its name or id; undefined when there is none. */
export function findImage(place: Place, name: string): string | undefined {
  const images = readImages(place);
  return images[name] ?? images[`${name}:latest`] ?? Object.values(images).find((id) => id === name);
}

/** Names with their ids. */
export function readImages(place: Place): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file(place), 'utf8')) as Record<string, string>;
  } catch {
    return {};
  }
}

export function addImages(place: Place, images: Record<string, string>): void {
  mkdirSync(place.rehearsalDirectory, { recursive: true, mode: 0o700 });
  writeFileSync(file(place), `${JSON.stringify({ ...readImages(place), ...images })}\n`, { mode: 0o600 });
}

function file({ rehearsalDirectory }: Place): string {
  return path.join(rehearsalDirectory, 'images.json');
}

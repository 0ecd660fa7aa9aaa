/** What is in a pack, as lines for people. */
import { formatBytes } from '../events/bytes.ts';
import { tableLines } from '../events/table.ts';
import type { PackMember } from './manifest.ts';
import type { Pack } from './reader.ts';

export function describePack({ path, manifest, id, bytes }: Pack): string[] {
  const { release, kubernetes, architecture, created, unet, version, members } = manifest;
  const facts = [
    ['pack', `${path} (${formatBytes(bytes)})`],
    ['id', id],
    ['made', `${created} by unet ${unet}, format ${version}`],
    ['release', release.description],
    ['release sha256', release.sha256],
    ['kubernetes', kubernetes ?? 'the release does not say'],
    ['architecture', architecture],
  ];
  const columns = ['member', 'kind', 'size', 'in the pack', 'version', 'licence', 'images'].map((title) => ({
    title,
  }));
  return [
    ...facts.map(([name = '', value]) => `${name.padEnd(15)} ${value}`),
    '',
    ...tableLines(columns, members.map(row)),
  ];
}

function row({
  path,
  kind,
  contentBytes,
  bytes,
  compression,
  version,
  licence,
  images = [],
}: PackMember): string[] {
  const names = images.map(({ names: [name], id }) => name ?? id.slice(0, 19));
  return [
    path,
    kind,
    formatBytes(contentBytes),
    `${formatBytes(bytes)} ${compression}`,
    version ?? '-',
    licence ?? 'not known',
    names.join(' ') || '-',
  ];
}

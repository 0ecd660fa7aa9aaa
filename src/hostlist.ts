/** Host lists as Slurm and Flux write them (RFC 29 of Flux): "n[0-2,07],login". */

/** The names, in order; the one-bracket and the many-bracket form. */
export function expandHostlist(list: string): string[] {
  return splitOutsideBrackets(list).flatMap(expandOne);
}

function expandOne(item: string): string[] {
  const match = /^([^[]*)\[([^\]]+)\](.*)$/.exec(item);
  if (match === null) {
    return [item];
  }
  const [, prefix = '', ranges = '', rest = ''] = match;
  const tails = expandOne(rest);
  return ranges.split(',').flatMap((range) => {
    const [from = '', to = from] = range.split('-');
    const names: string[] = [];
    for (let i = Number(from); i <= Number(to); i += 1) {
      names.push(...tails.map((tail) => `${prefix}${String(i).padStart(from.length, '0')}${tail}`));
    }
    return names;
  });
}

function splitOutsideBrackets(list: string): string[] {
  return list.match(/(?:[^,[\]]+|\[[^\]]*\])+/g) ?? [];
}

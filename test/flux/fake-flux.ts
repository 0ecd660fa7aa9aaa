/** A program named flux on a PATH of its own, that answers as the recorded one did; its archives and KVS are directories. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../process/scratch.ts';

export function recorded(name: string): string {
  return readFileSync(new URL(`../../fixtures/flux/${name}`, import.meta.url), 'utf8');
}

export type Answers = {
  /** Broker attributes; undefined: the instance has none of that name. */
  attributes?: Record<string, string | undefined>;
  timeLeft?: string;
  uptime?: string;
  /** Shell text that is run before all else, with the whole call in "$*". */
  before?: string;
};

/** The attributes of the recorded instance: a batch job of two brokers on one host. */
export const ATTRIBUTES = {
  'security.owner': String(process.getuid?.() ?? 0),
  version: '0.88.0',
  rank: recorded('getattr-rank.stdout').trim(),
  size: recorded('getattr-size.stdout').trim(),
  hostlist: recorded('getattr-hostlist.stdout').trim(),
  jobid: recorded('getattr-jobid.stdout').trim(),
};

export const BIRTH = '{"timestamp":1795201598.9540384,"name":"resource-define"}';

/** A PATH on which flux is first. */
export function fakeFlux(directory: string, answers: Answers = {}): string {
  const { timeLeft = recorded('timeleft.stdout').trim(), uptime = recorded('uptime.stdout') } = answers;
  const archives = join(directory, 'archives');
  mkdirSync(archives, { recursive: true });
  mkdirSync(join(directory, 'kvs'), { recursive: true });
  const attributes = Object.entries({ ...ATTRIBUTES, ...answers.attributes })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `"getattr ${name}") echo '${value}'; exit 0;;`)
    .join('\n');
  program(
    directory,
    'flux',
    `#!/bin/bash
echo "$*" >> ${directory}/calls
${answers.before ?? ''}
case "$*" in
${attributes}
"getattr "*) echo "flux-getattr: $2: No such file or directory" >&2; exit 1;;
"kvs get resource.eventlog") printf '%s\\n\\n' '${BIRTH}'; exit 0;;
"kvs ls -1 archive") ls ${archives}; exit 0;;
"job timeleft") echo '${timeLeft}'; exit 0;;
uptime) printf '%s' '${uptime}'; exit 0;;
"exec --rank "*) [ "$4 $5" = "--dir /" ] || { echo "bad call: $*" >&2; exit 1; }; export FAKE_RANK=$3; shift 5; exec "$@" > /dev/null;;
esac
archive() { # VERB --name NAME …
  verb=$1; dir=${archives}/$3; shift 3
  case $verb in
  create)
    # Behind the file an option would be one more file, and it is not looked at before the name is found to be taken.
    [ "$1" = --overwrite ] && { rm -rf $dir; shift; }
    [ "$1" = -C ] && [ $# = 3 ] || { [ -e $dir ] || { echo "bad call: $*" >&2; exit 1; }; }
    [ -e $dir ] && { echo "flux-archive: archive.\${dir##*/}: key exists" >&2; exit 1; }
    mkdir $dir.new && cp -p "$2/$3" $dir.new/ && mv $dir.new $dir;;
  extract)
    for i in 1 2 3 4 5 6; do [ -e $dir ] && break; sleep 0.05; done
    [ -e $dir ] || { echo "flux-archive: archive.\${dir##*/}: key was not created within timeout window" >&2; exit 1; }
    cp -p $dir/* "$3/";;
  remove) rm -rf $dir;;
  esac
}
case "$1" in
archive) shift; archive "$@"; exit;;
filemap)
  case "$2" in
  map) shift 3; mkdir -p ${archives}/$2 && cp -p "$4/$5" ${archives}/$2/; exit;;
  get) cp -p ${archives}/$4/* "$6/" 2>/dev/null; exit 0;;
  unmap) rm -rf ${archives}/$4; exit;;
  esac;;
kvs)
  # Each instance has its own; a key is a path.
  kvs=${directory}/kvs/$(printf %s "$FLUX_URI" | tr -c 'A-Za-z0-9\n' _); key=$4; key=\${key%=-}
  case "$2 $3" in
  "put --raw") mkdir -p "$kvs/$(dirname "\${key//.//}")" && cat > "$kvs/\${key//.//}"; exit;;
  "get --raw") [ -f "$kvs/\${key//.//}" ] || { echo "flux-kvs: $key: No such file or directory" >&2; exit 1; }; cat "$kvs/\${key//.//}"; exit;;
  "ls -1") [ -d "$kvs/\${key//.//}" ] || { echo "$key: No such file or directory" >&2; exit 1; }; ls "$kvs/\${key//.//}"; exit;;
  "unlink "*) [ -e "$kvs/\${3//.//}" ] || { echo "flux-kvs: cannot unlink '$3': No such file or directory" >&2; exit 1; }; rm -r "$kvs/\${3//.//}"; exit;;
  esac;;
job)
  if [ "$2 $3" = "memo --volatile" ]; then
    case "$4" in ${ATTRIBUTES.jobid}|${ATTRIBUTES.jobid.replace('ƒ', 'f')}) printf '%s\n' "$5" >> ${directory}/memos; exit;; esac
    echo "flux-job: memo: unknown job id" >&2; exit 1
  fi;;
admin) exit 0;;
esac
echo "flux: bad call: $*" >&2
exit 1
`,
  );
  return `${directory}:${process.env.PATH}`;
}

/** How flux was called, one line each. */
export function calls(directory: string): string[] {
  return readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');
}

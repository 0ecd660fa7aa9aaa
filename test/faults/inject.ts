/** Doing a fault to a trial's hosts, and undoing it. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab/lab/index.ts';
import type { HostProcess } from '../lab/lab/processes.ts';
import type { Fault, Place, Role } from './fault.ts';

export type Scene = {
  lab: Lab;
  unet: string;
  hosts: Record<Place, string>;
  jobId: string;
  jobDirectory: string;
};

const AGENT = /^(?!\S*srun ).*node agent/;
const LOOKS: Record<Role, { places: Place[]; command: RegExp }> = {
  supervisor: { places: ['lead'], command: /node supervisor/ },
  'lead’s agent': { places: ['lead'], command: AGENT },
  'worker’s agent': { places: ['worker'], command: AGENT },
  srun: { places: ['lead'], command: /srun .*node agent/ },
  command: { places: ['lead'], command: /unet\.js (run|up|down)/ },
  guardian: { places: ['lead', 'worker'], command: /unet-guardian/ },
  node: { places: ['lead', 'worker'], command: /unet-rehearsal-node/ },
  make: { places: ['lead', 'worker'], command: /^make / },
};

/** Resolves with how to undo it, and whether there was anything to do it to. */
export async function inject(
  fault: Fault,
  scene: Scene,
): Promise<{ struck: boolean; undo: () => Promise<void> }> {
  const { lab, hosts, jobId, jobDirectory } = scene;
  const asRoot = { user: 'root', cwd: '/' } as const;
  let struck = true;
  let undo = async () => {};
  switch (fault.kind) {
    case 'signal': {
      const targets = fault.roles.flatMap((role) => processesOf(role, scene));
      struck = targets.length > 0;
      // One may end by the death of another.
      await Promise.all(targets.map(({ host, pid }) => lab.kill(host, pid, fault.signal).catch(() => {})));
      break;
    }
    case 'scancel':
      await lab.scancel(jobId, fault.args).catch(() => {});
      break;
    case 'link':
      await lab.cutLink(hosts[fault.place]);
      await sleep(fault.ms);
      await lab.restoreLink(hosts[fault.place]);
      break;
    case 'slurmd':
      await lab.restartSlurmd(hosts[fault.place]);
      break;
    case 'host':
      await lab.killHost(hosts[fault.place]);
      undo = () => lab.restartHost(hosts[fault.place]);
      break;
    case 'disk': {
      const host = hosts[fault.place];
      const used = await lab.run(host, ['sh', '-c', 'df --output=used /tmp | tail -1'], asRoot);
      const now = fault.how === 'full' ? `remount,size=${Math.max(4, Number(used.stdout))}k` : 'remount,ro';
      await lab.run(host, ['mount', '-o', now, '/tmp'], asRoot);
      await sleep(fault.ms);
      await lab.run(host, ['mount', '-o', 'remount,rw,size=1g', '/tmp'], asRoot);
      break;
    }
    case 'job directory':
      await lab.run(hosts.lead, ['chmod', 'a-w', jobDirectory], asRoot);
      await sleep(fault.ms);
      await lab.run(hosts.lead, ['chmod', 'u+w', jobDirectory], asRoot);
      break;
    case 'garble':
      struck = await garble(fault, scene);
      break;
    case 'downs':
      await Promise.all(
        fault.places.map((place) =>
          lab.run(hosts[place], [process.execPath, scene.unet, 'down'], {
            env: { SLURM_JOB_ID: jobId, SLURM_JOB_NODELIST: Object.values(hosts).join(',') },
            timeoutMs: 90_000,
          }),
        ),
      );
  }
  return { struck, undo };
}

function processesOf(role: Role, { lab, hosts }: Scene): (HostProcess & { host: string })[] {
  const { places, command } = LOOKS[role];
  return places.flatMap((place) => {
    const host = hosts[place];
    const found = lab.processes(host, { user: lab.user.name }).filter((one) => command.test(one.command));
    // Between fork and exec a child has its parent's words.
    const pids = new Set(found.map(({ pid }) => pid));
    return found.filter(({ parent }) => !pids.has(parent)).map((one) => ({ ...one, host }));
  });
}

async function garble({ file, how }: Extract<Fault, { kind: 'garble' }>, scene: Scene): Promise<boolean> {
  const paths = file === 'node.json' ? await nodeFiles(scene) : [join(scene.jobDirectory, file)];
  const done = await Promise.all(
    paths.map(async (path) => {
      const content = await readFile(path).catch(() => undefined);
      if (content === undefined) {
        return false;
      }
      if (how === 'gone') {
        await rm(path, { force: true });
      } else {
        const noise = Buffer.from([0xff, 0, 0x7b, 0x22, 0x0a, 0xc3]);
        const half = content.subarray(0, content.length / 2);
        // The file stays its owner's: it is opened, not replaced.
        await writeFile(path, how === 'empty' ? '' : how === 'half' ? half : noise, { flag: 'r+' }).catch(
          () => {},
        );
      }
      return true;
    }),
  );
  return done.includes(true);
}

async function nodeFiles({ lab, hosts }: Scene): Promise<string[]> {
  const found = await Promise.all(
    Object.values(hosts).map(async (host) => {
      const files = await lab.files(host, ['/tmp']);
      return files.filter((path) => path.endsWith('/node.json')).map((path) => lab.outside(host, path));
    }),
  );
  return found.flat();
}

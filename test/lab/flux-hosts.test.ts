import { execFileSync } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { fluxUnavailable } from './flux-instance.ts';
import { installUnet } from './install.ts';
import { type Lab, labUnavailable, startLab } from './lab/index.ts';
import { expectNothingLeft } from './nothing-left.ts';

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE, hookTimeout: 120_000 * TIME_SCALE });

const FLUX_BIN =
  fluxUnavailable() === undefined
    ? dirname(execFileSync('sh', ['-c', 'command -v flux'], { encoding: 'utf8' }).trim())
    : '';

// As in a cloud: what is below /tmp is each host's own, also the home of the jobs.
const HOME = '/tmp/home';

let lab: Lab;
let UNET: string;

/** flux-config-bootstrap(5): brokers that find each other by addresses, with a key of the user's. */
async function configure(): Promise<string> {
  const directory = join(lab.user.home, 'flux');
  await lab.run('n0', ['mkdir', '-m', '700', directory]);
  await lab.run('n0', [join(FLUX_BIN, 'flux'), 'keygen', join(directory, 'curve.cert')]);
  const path = join(directory, 'config.toml');
  writeFileSync(
    path,
    `[bootstrap]
curve_cert = "${directory}/curve.cert"
default_port = 8050
default_bind = "tcp://eth0:%p"
default_connect = "tcp://%h:%p"
hosts = [ { host = "n[0-2]" } ]
`,
    { mode: 0o600 },
  );
  chownSync(path, lab.user.uid, lab.user.gid);
  return path;
}

let config: string;

/** Runs a script as the initial program of an instance of all hosts, on n0. */
async function inInstance(text: string) {
  const node = dirname(process.execPath);
  const env = {
    HOME,
    PATH: `${FLUX_BIN}:${node}:/usr/local/bin:/usr/bin:/bin`,
    UNET_RELEASE: 'rehearsal',
    UNET,
  };
  await Promise.all(lab.hosts.map((host) => lab.run(host, ['mkdir', '-m', '700', HOME], { cwd: '/' })));
  const broker = (host: string, program: string[]) =>
    lab.spawn(host, ['flux', 'broker', '--config-path', config, ...program], { env, cwd: HOME });
  const followers = await Promise.all(['n1', 'n2'].map((host) => broker(host, [])));
  const lead = await broker('n0', ['bash', '-c', `unet() { node "$UNET" "$@"; }; export -f unet; ${text}`]);
  const { stdout, stderr, exitCode } = await lead.ended;
  await Promise.all(followers.map(({ ended }) => ended));
  await Promise.all(lab.hosts.map((host) => lab.run(host, ['rm', '-rf', HOME], { cwd: '/' })));
  return { output: stdout + stderr, exitCode };
}

const unavailable = fluxUnavailable() ?? labUnavailable();
if (unavailable !== undefined) {
  console.warn(`the scenarios of Flux on several hosts are skipped: ${unavailable}`);
}

describe.skipIf(unavailable !== undefined)('in a Flux of three hosts that share nothing', () => {
  beforeAll(async () => {
    lab = await startLab({ hosts: 3, login: false });
    UNET = await installUnet(lab);
    config = await configure();
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  it('unet run has a cluster of all hosts, each with upstream’s own ports, and leaves nothing', async () => {
    const { output, exitCode } = await inInstance(
      `unet run -- bash -c 'echo "nodes: $UNET_JOB_NODES"; kubectl get nodes -o wide; unet attr ports; flux kvs ls -1 archive; exit 7'`,
    );
    expect(output).toContain('nodes: n0 n1 n2');
    for (const host of lab.hosts) {
      expect(output).toMatch(new RegExp(`u7s-${host} +Ready.* ${lab.addressOf(host)}`));
    }
    expect(output).toContain('etcd=2379 kubelet=10250 flannel=8472 api-server=6443');
    expect(output).toMatch(/^unet-flux-\S+-release-/m);
    expect(exitCode).toBe(7);
    await expectNothingLeft(lab);
  });

  it('up, env, status and down work from any of them', async () => {
    const { output, exitCode } = await inInstance(`
      on() { flux exec -r $1 --dir / bash -c "$2" 2>&1; }
      on 1 'unet up'
      on 2 'eval "$(unet env)"; echo "there: $KUBECONFIG"; stat -c "%a %U" $KUBECONFIG; kubectl get nodes -o name'
      unet status; unet kubectl get nodes -o name | wc -l
      on 2 'unet down; echo "down exits with $?"'
      echo "then: $(flux kvs ls -1 unet 2>/dev/null)$(flux kvs ls -1 archive 2>/dev/null)."`);
    expect(output).toMatch(/^there: \/tmp\/unet-\d+\/flux-\S+\/n2\/kubeconfig$/m);
    expect(output).toMatch(new RegExp(`^600 ${lab.user.name}$`, 'm'));
    expect(output).toMatch(/^node\/u7s-n2$/m);
    expect(output).toMatch(/^n2 +worker +ready/m);
    expect(output).toMatch(/^3$/m);
    expect(output).toContain('down exits with 0');
    expect(output).toMatch(/^then: \.$/m);
    expect(exitCode).toBe(0);
    await expectNothingLeft(lab);
  });

  it('three clusters that start at once have ports of their own, each the same on all hosts', async () => {
    const { output } = await inInstance(`
      for name in red green blue; do UNET_NAME=$name unet up > $HOME/up-$name 2>&1 & done; wait
      for name in red green blue; do unet status --name $name --json; unet down --name $name; done`);
    const clusters = [...output.matchAll(/^(\{"jobId".*\})$/gm)].map(
      ([, json = '']) => JSON.parse(json) as { nodes: { phase: string; ports: Record<string, number> }[] },
    );
    expect(clusters.map(({ nodes }) => nodes.map(({ phase }) => phase))).toEqual(
      Array(3).fill(Array(3).fill('ready')),
    );
    for (const { nodes } of clusters) {
      expect(nodes.map(({ ports }) => ports)).toEqual(Array(3).fill(nodes[0]?.ports));
    }
    const ports = clusters.flatMap(({ nodes }) => Object.values(nodes[0]?.ports ?? {}));
    expect(new Set(ports).size).toBe(12);
    await expectNothingLeft(lab);
  });

  it('a script that ends without down leaves nothing', async () => {
    const { output, exitCode } = await inInstance('unet up && echo the script ends');
    expect(output).toContain('the script ends');
    expect(output).not.toContain('could not be cleaned');
    expect(exitCode).toBe(0);
    await expectNothingLeft(lab);
  });
});

/** Jobs of a real Flux that are objects of a rehearsed cluster: the example of the Flux-Kube interface, with 5 s instead of 120. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { BATCH, NGINX, RehearsedCluster } from '../kube-jobs/rehearsed-cluster.ts';
import { fluxUnavailable, inInstance } from './flux-instance.ts';

const unavailable = fluxUnavailable();
if (unavailable !== undefined) console.log(`skipped: unet kube in Flux (${unavailable})`);

vi.setConfig({ testTimeout: 150_000 });

const JOBSPEC = JSON.stringify({
  version: 1,
  resources: [{ type: 'slot', count: 1, label: 'default', with: [{ type: 'core', count: 1 }] }],
  tasks: [{ command: ['nginx-template'], slot: 'default', count: { per_slot: 1 } }],
  attributes: {
    system: {
      duration: 5,
      cwd: '/',
      'flux-kube': 1,
      exec: { test: {} },
      template_overrides: { APPLICATION_DOMAIN: 'x.example' },
    },
  },
});

describe.skipIf(unavailable !== undefined)('jobs with flux-kube=1', () => {
  let cluster: RehearsedCluster;

  beforeAll(async () => {
    cluster = await RehearsedCluster.start();
    cluster.template('nginx.yaml', NGINX);
    cluster.template('batch.yaml', BATCH);
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  afterEach(async () => {
    expect(await cluster.objects()).toEqual([]);
  });

  /** A script in an instance of one broker; `daemon` starts the daemon and waits until it is ready, its pid is in $DAEMON. */
  const inFlux = async (text: string) => {
    const { KUBECONFIG, UNET_KUBE_TEMPLATES } = cluster.environment;
    const script = `
      export KUBECONFIG='${KUBECONFIG}' UNET_KUBE_TEMPLATES='${UNET_KUBE_TEMPLATES}'
      daemon() {
        rm -f ready; mkfifo ready
        unet_bin=$(declare -f unet | sed -n 's/.*node \\(.*\\) "$@".*/\\1/p')
        node $unet_bin kube daemon 2> >(tee daemon.log | { grep -m1 ' ready$' > ready; cat > /dev/null; }) & DAEMON=$!
        read -r _ < ready
      }
      echo '${JOBSPEC}' > job.json
      objects() { kubectl get deploy,svc,secret,job -l unet/kube-job -o name | tr '\\n' ' '; }
      ${text}
      kill $DAEMON; wait $DAEMON`;
    return await inInstance(script, { size: 1 });
  };

  it('are R on kubernetes with their objects there, then CD and nothing left', async () => {
    const { output } = await inFlux(`daemon
      id=$(flux job submit job.json)
      flux job wait-event $id start > /dev/null
      echo "running: $(flux jobs -no '{status_abbrev} {nodelist}' $id): $(objects)"
      flux job attach $id; echo "attach: $?"
      flux job wait-event $id clean > /dev/null
      echo "ended: $(flux jobs -no '{status_abbrev} {nodelist}' $id): $(objects)"`);
    expect(output).toContain('running: R kubernetes: deployment.apps/nginx service/nginx secret/nginx');
    expect(output).toMatch(/\[nginx-\S+\/nginx\] serving x\.example/);
    expect(output).toContain('attach: 0');
    expect(output).toMatch(/ended: CD kubernetes: *$/m);
  });

  it('lose their objects when they are cancelled', async () => {
    const { output } = await inFlux(`daemon
      id=$(flux job submit job.json)
      flux job wait-event $id start > /dev/null
      flux cancel $id
      flux job wait-event $id clean > /dev/null
      until [ -z "$(objects)" ]; do sleep 0.1; done
      echo "ended: $(flux jobs -no '{status_abbrev}' $id)"
      until [ -z "$(kubectl get cm,pods -l unet/kube-job -o name)" ]; do sleep 0.1; done`);
    expect(output).toContain('ended: CA');
  });

  it('go on while the daemon is dead, and end when it is back', async () => {
    const { output } = await inFlux(`daemon
      id=$(flux job submit job.json)
      flux job wait-event $id start > /dev/null
      kill -9 $DAEMON
      gone=$(flux submit --setattr=flux-kube=1 batch SLEEP=100)
      sleep 5
      echo "without: $(flux jobs -no '{status_abbrev}' $id): $(objects)"
      flux cancel $gone
      daemon
      flux job wait-event $id clean > /dev/null
      echo "ended: $(flux jobs -no '{status_abbrev}' $id): $(objects)"
      node $unet_bin kube daemon 2>&1 | grep -o 'this instance already has a daemon'`);
    expect(output).toContain('without: R: deployment.apps/nginx service/nginx secret/nginx');
    expect(output).toMatch(/ended: CD: *$/m);
    expect(output).toContain('this instance already has a daemon');
  });

  it('fail with the container’s exit code, a timeout, or an exception that says why', async () => {
    const { output } = await inFlux(`daemon
      for words in 'batch CODE=3' '-t 2s batch SLEEP=100' nosuch; do
        id=$(flux submit --setattr=flux-kube=1 $words)
        flux job attach $id 2>&1
        flux job wait-event $id clean > /dev/null
        echo "$words: $(flux jobs -no '{status_abbrev} {returncode}' $id)"
      done`);
    expect(output).toContain('batch CODE=3: F 3');
    expect(output).toContain('-t 2s batch SLEEP=100: TO');
    expect(output).toContain('type=kube severity=0 UNET_TEMPLATE_NOT_FOUND: there is no template nosuch');
    expect(output).toContain('nosuch: F');
  });

  it('are made and removed by prolog and epilog, without a daemon', async () => {
    const { output } = await inFlux(`DAEMON=
      unet_bin=$(declare -f unet | sed -n 's/.*node \\(.*\\) "$@".*/\\1/p')
      frobnicator=$(dirname $(dirname $unet_bin))/dist/unet_kube_frobnicator.py
      echo '{"ingest": {"frobnicator": {"plugins": ["defaults", "constraints", "'$frobnicator'"]}},
        "job-manager": {"prolog": {"command": ["node", "'$unet_bin'", "kube", "prolog", "--kubeconfig", "'$KUBECONFIG'", "--templates", "'$UNET_KUBE_TEMPLATES'"]},
                        "epilog": {"command": ["node", "'$unet_bin'", "kube", "epilog", "--kubeconfig", "'$KUBECONFIG'"]}}}' | flux config load
      flux jobtap load perilog.so
      flux job submit job.json 2>&1 | grep -o 'needs the plugin alloc-bypass.so, which is not loaded'
      flux jobtap load alloc-bypass.so
      id=$(flux job submit job.json)
      flux job wait-event $id start > /dev/null
      echo "running: $(flux jobs -no '{status_abbrev} {nodelist}' $id): $(objects)"
      flux job wait-event $id clean > /dev/null
      echo "ended: $(flux jobs -no '{status_abbrev}' $id): $(objects)"
      id=$(flux submit --setattr=flux-kube=1 batch CODE=5)
      flux job attach $id; echo "attach: $?"
      flux job wait-event $id clean > /dev/null
      DAEMON=$!`);
    expect(output).toContain('needs the plugin alloc-bypass.so, which is not loaded');
    expect(output).toContain('running: R kubernetes: deployment.apps/nginx service/nginx secret/nginx');
    expect(output).toMatch(/ended: CD: *$/m);
    expect(output).toContain('attach: 5');
  });

  it('for guests: an ordinary job of one core runs a template, and flux kube is a command', async () => {
    const { output } = await inFlux(`DAEMON=
      unet kube install-flux $PWD/commands; export FLUX_EXEC_PATH=$PWD/commands
      flux kube --help | head -1
      flux kube get template_names
      id=$(flux submit -n1 flux kube run batch -o '{CODE: 4}')
      flux job attach $id; echo "attach: $?"
      echo "kept: $(flux job info $id guest.unet-kube | grep -o '"kind":"Job"')"
      id=$(flux kube mini submit batch); flux kvs ls unet-kube
      flux kube cancel $id; flux kvs ls unet-kube | wc -w
      id=$(flux submit -n1 flux kube run batch -o '{SLEEP: 100}')
      until [ -n "$(kubectl get pods -l unet/kube-job -o name)" ]; do sleep 0.1; done
      flux cancel $id
      flux job wait-event $id clean > /dev/null
      until [ -z "$(kubectl get cm,jobs,pods -l unet/kube-job -o name)" ]; do sleep 0.1; done`);
    expect(output).toContain('Usage: flux kube [OPTIONS] COMMAND ARGS');
    expect(output).toContain('nginx-template');
    expect(output).toContain('begin\nend\n');
    expect(output).toContain('attach: 4');
    expect(output).toContain('kept: "kind":"Job"');
    expect(output).toMatch(/^batch-\w{5}\n0$/m);
  });
});

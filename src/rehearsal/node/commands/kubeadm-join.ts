import { setTimeout as delay } from 'node:timers/promises';
import { type Fields, listAt, textAt } from '../../api/objects.ts';
import { parseToken } from '../../control-plane/bootstrap-token.ts';
import { ApiClient, ApiError } from '../api-client.ts';
import type { CommandRun } from '../commands.ts';
import { type Discovered, discover, type JoinTarget } from '../discovery.ts';
import { Kubelet } from '../kubelet.ts';
import type { Machine } from '../machine.ts';
import { machineId } from '../node-object.ts';
import { cgroupWarning } from './cgroup-warning.ts';
import { klogWarning, kubeadmError, preflightEnd, preflightErrors, runtimeMissing } from './klog.ts';

/** A join that failed, as kubeadm's "error execution phase PHASE: …". */
class PhaseError extends Error {
  override name = 'PhaseError';
}

/** The certificate request is answered within milliseconds; a server that is gone is noticed after this. */
const bootstrapMs = 30_000;

/** `kubeadm join HOST:PORT --token T --discovery-token-ca-cert-hash sha256:H`. */
export async function kubeadmJoin(run: CommandRun): Promise<number> {
  const { machine, args, out, failure } = run;
  out('[preflight] Running pre-flight checks\n');
  if (!machine.booted) return failTooEarly(run);
  out(cgroupWarning());
  const found =
    failure === 'cgroup' ? ['SystemVerification]: missing required cgroups: memory'] : alreadyThere(machine);
  if (found.length > 0) {
    out(preflightErrors(found));
    return 1;
  }
  try {
    const target = parseTarget(args);
    const discovered = await preflight(run, target);
    await startKubelet(run, target, discovered);
  } catch (error) {
    if (!(error instanceof PhaseError)) throw error;
    out(kubeadmError(`error execution phase ${error.message}`));
    return 1;
  }
  out(success);
  return 0;
}

function parseTarget(args: readonly string[]): JoinTarget {
  const value = (flag: string) => {
    const index = args.indexOf(flag);
    return index >= 0
      ? args[index + 1]
      : args.find((argument) => argument.startsWith(`${flag}=`))?.slice(flag.length + 1);
  };
  const [host = '', port = '6443'] = (args[1] ?? '').split(':');
  const token = parseToken(value('--token') ?? '');
  const hash = value('--discovery-token-ca-cert-hash') ?? '';
  if (token === undefined) {
    throw new PhaseError(
      'preflight: the bootstrap token was not of the form "\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z"',
    );
  }
  if (!/^sha256:[0-9a-f]{64}$/i.test(hash))
    throw new PhaseError('preflight: invalid discovery token CA certificate hash');
  return { host, port: Number(port), token, hash: hash.toLowerCase() };
}

/** Discovery, then the cluster's configuration with the token's rights. */
async function preflight(
  { machine, out, fault, failure, signal }: CommandRun,
  target: JoinTarget,
): Promise<Discovered> {
  const discovered = await discover(machine, target, { timeoutMs: fault.timeoutMs, failure, signal }).catch(
    (error: Error) => {
      throw new PhaseError(`preflight: couldn't validate the identity of the API Server: ${error.message}`);
    },
  );
  using client = tokenClient(discovered, target);
  out(
    '[preflight] Reading configuration from the "kubeadm-config" ConfigMap in namespace "kube-system"...\n',
  );
  await client
    .send('GET', '/api/v1/namespaces/kube-system/configmaps/kubeadm-config')
    .catch((error: Error) => {
      throw new PhaseError(
        `preflight: unable to fetch the kubeadm-config ConfigMap: failed to get config map: ${error.message}`,
      );
    });
  out(
    "[preflight] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.\n",
  );
  return discovered;
}

/** Everything from here on leaves files behind, which a second join finds. */
async function startKubelet(run: CommandRun, target: JoinTarget, discovered: Discovered): Promise<void> {
  const { machine, out, failure } = run;
  using client = tokenClient(discovered, target);
  await refuseForeignNode(machine, client, failure);
  machine.files.set('/etc/kubernetes/pki/ca.crt', discovered.authority);
  machine.files.set('/etc/kubernetes/bootstrap-kubelet.conf', 'kind: Config\n');
  out(started);
  if (failure !== undefined) {
    machine.files.set('/etc/kubernetes/kubelet.conf', 'kind: Config\n');
    out('[kubelet-check] The kubelet is not healthy after 4m0.000195s\n\n');
    throw new PhaseError(
      'kubelet-start: failed while waiting for the kubelet to start: The HTTP call equal to \'curl -sSL http://127.0.0.1:10248/healthz\' returned error: Get "http://127.0.0.1:10248/healthz": context deadline exceeded',
    );
  }
  out(healthy);
  const credentials = await bootstrap(machine, client).catch((error: Error) => {
    throw new PhaseError(`kubelet-start: could not bootstrap the kubelet's certificate: ${error.message}`);
  });
  machine.files.set('/etc/kubernetes/kubelet.conf', 'kind: Config\n');
  machine.files.delete('/etc/kubernetes/bootstrap-kubelet.conf');
  machine.kubelet = new Kubelet(machine, { ...connectionOf(discovered, target), ...credentials }, false);
  await machine.kubelet.start();
}

/** Another machine's node of the same name; this machine's own, from before a reset, may come back. */
async function refuseForeignNode(
  machine: Machine,
  client: ApiClient,
  failure: string | undefined,
): Promise<void> {
  const node = await client.send('GET', `/api/v1/nodes/${machine.name}`).catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw new PhaseError(`kubelet-start: cannot get Node "${machine.name}": ${(error as Error).message}`);
  });
  const ready = listAt(node, 'status', 'conditions').some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
  const foreign = ready && textAt(node, 'status', 'nodeInfo', 'machineID') !== machineId(machine);
  if (!foreign && failure !== 'exists') return;
  throw new PhaseError(
    `kubelet-start: a Node with name "${machine.name}" and status "Ready" already exists in the cluster. You must delete the existing Node or change the name of this new joining Node`,
  );
}

/** TLS bootstrap: a key, a request, and the certificate that the signer answers with. */
async function bootstrap(machine: Machine, client: ApiClient): Promise<{ certificate: string; key: string }> {
  const { createKubeletRequest } = await import('../certificate-request.ts');
  const { key, request } = await createKubeletRequest(machine.name);
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const created = await client.send('POST', path, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'csr-' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
    },
  });
  const name = textAt(created, 'metadata', 'name');
  const deadline = Date.now() + bootstrapMs;
  for (let pause = 10; Date.now() < deadline; pause = Math.min(pause * 2, 500)) {
    const csr: Fields = await client.send('GET', `${path}/${name}`);
    const certificate = textAt(csr, 'status', 'certificate');
    if (certificate !== '') return { certificate: Buffer.from(certificate, 'base64').toString(), key };
    await delay(pause);
  }
  throw new Error('timed out waiting for the condition');
}

function tokenClient(discovered: Discovered, target: JoinTarget): ApiClient {
  const token = `${target.token.id}.${target.token.secret}`;
  return new ApiClient({ ...connectionOf(discovered, target), token });
}

function connectionOf({ address, authority }: Discovered, { host, port }: JoinTarget) {
  return { serverName: host, address, port, authority };
}

function alreadyThere({ files, ports }: Machine): string[] {
  const exists = (file: string) =>
    files.has(file) ? [`FileAvailable-${file.replaceAll('/', '-')}]: ${file} already exists`] : [];
  const kubelet = exists('/etc/kubernetes/kubelet.conf');
  const port = kubelet.length > 0 ? [`Port-${ports.kubelet}]: Port ${ports.kubelet} is in use`] : [];
  return [
    ...kubelet,
    ...exists('/etc/kubernetes/bootstrap-kubelet.conf'),
    ...port,
    ...exists('/etc/kubernetes/pki/ca.crt'),
  ];
}

function failTooEarly({ out }: CommandRun): number {
  out(
    klogWarning(
      'checks.go:1046',
      `[preflight] WARNING: Couldn't create the interface used for talking to the container runtime: ${runtimeMissing}`,
    ),
  );
  out(`${cgroupWarning()}[preflight] Some fatal errors occurred:\n${runtimeMissing}${preflightEnd}`);
  return 1;
}

const started = `[kubelet-start] Writing kubelet configuration to file "/var/lib/kubelet/instance-config.yaml"
[patches] Applied patch of type "application/strategic-merge-patch+json" to target "kubeletconfiguration"
[kubelet-start] Writing kubelet configuration to file "/var/lib/kubelet/config.yaml"
[kubelet-start] Writing kubelet environment file with flags to file "/var/lib/kubelet/kubeadm-flags.env"
[kubelet-start] Starting the kubelet
[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:10248/healthz. This can take up to 4m0s
`;

const healthy = `[kubelet-check] The kubelet is healthy after 501.571806ms
[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap
`;

const success = `
This node has joined the cluster:
* Certificate signing request was sent to apiserver and a response was received.
* The Kubelet was informed of the new secure connection details.

Run 'kubectl get nodes' on the control-plane to see this node join the cluster.

`;

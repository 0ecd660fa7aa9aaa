import { createToken } from '../../control-plane/bootstrap-token.ts';
import { ControlPlane, servingNames } from '../../control-plane/control-plane.ts';
import { createControlPlanePods } from '../../control-plane/seed.ts';
import { sufferFault } from '../../faults/apply.ts';
import type { CommandRun } from '../commands.ts';
import { defaultGraceMs, Kubelet } from '../kubelet.ts';
import { type Machine, machineFault } from '../machine.ts';
import { cgroupWarning } from './cgroup-warning.ts';
import { klogWarning, kubeadmError, preflightEnd, preflightErrors, runtimeMissing } from './klog.ts';

const dayMs = 24 * 3600_000;

/** `kubeadm init --config FILE --skip-token-print`: this machine becomes the control plane. */
export async function kubeadmInit(run: CommandRun): Promise<number> {
  const { machine, out, failure } = run;
  out('[init] Using Kubernetes version: v1.34.2\n[preflight] Running pre-flight checks\n');
  if (!machine.booted) return failTooEarly(run);
  out(cgroupWarning());
  const taken = alreadyThere(machine);
  if (taken.length > 0 || failure === 'cgroup') {
    out(
      preflightErrors(
        failure === 'cgroup' ? ['SystemVerification]: missing required cgroups: memory'] : taken,
      ),
    );
    return 1;
  }
  out(beforeCertificates());
  out(certificates(machine));
  if (failure === 'flag') writePodLog(machine);
  if (failure !== undefined) return failUnhealthy(run);
  const controlPlane = await startControlPlane(machine);
  out(afterStart(machine));
  out(successText(machine, controlPlane.authority.publicKeyHash));
  return 0;
}

async function startControlPlane(machine: Machine): Promise<ControlPlane> {
  const { name: node, nodeIp, hostIp, ports, rehearsalDirectory, journal } = machine;
  const controlPlane = await ControlPlane.start({
    node,
    nodeIp,
    hostIp,
    port: ports.apiServer,
    graceMs: machineFault(machine, 'ready').graceMs ?? defaultGraceMs,
    dnsAllowed: async (signal) => {
      const failure = await sufferFault(machineFault(machine, 'dns'), { rehearsalDirectory, node, signal });
      // Pending for ever: until the control plane is reset.
      if (failure !== undefined) await new Promise((_, reject) => signal.addEventListener('abort', reject));
    },
    log: (unit, message) => journal.log(unit, message),
  });
  machine.controlPlane = controlPlane;
  writeFiles(machine, controlPlane);
  machine.published.serve(ports.apiServer, controlPlane.server.take);
  await startKubelet(machine, controlPlane);
  createControlPlanePods(controlPlane.store, node, hostIp);
  // kubeadm's own first token; --skip-token-print only keeps it off the screen.
  createToken(controlPlane.store, dayMs);
  return controlPlane;
}

async function startKubelet(machine: Machine, controlPlane: ControlPlane): Promise<void> {
  const { certificate, key } = await controlPlane.issueKubeletClient(machine.name);
  const connection = {
    serverName: machine.name,
    address: '127.0.0.1',
    port: machine.ports.apiServer,
    authority: controlPlane.authority.certificate,
    certificate,
    key,
  };
  machine.kubelet = new Kubelet(machine, connection, true);
  await machine.kubelet.start();
}

function writeFiles(machine: Machine, controlPlane: ControlPlane): void {
  machine.files.set('/etc/kubernetes/admin.conf', controlPlane.adminConf);
  machine.files.set('/etc/kubernetes/super-admin.conf', controlPlane.adminConf);
  machine.files.set('/etc/kubernetes/pki/ca.crt', controlPlane.authority.certificate);
  writeManifests(machine);
}

function writeManifests(machine: Machine): void {
  for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd']) {
    machine.files.set(`/etc/kubernetes/manifests/${component}.yaml`, 'kind: Pod\n');
  }
  machine.files.set('/etc/kubernetes/kubelet.conf', 'kind: Config\n');
}

function alreadyThere(machine: Machine): string[] {
  const manifests = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd']
    .map((component) => `/etc/kubernetes/manifests/${component}.yaml`)
    .filter((file) => machine.files.has(file));
  if (manifests.length === 0) return [];
  const ports = [machine.ports.apiServer, 10259, 10257].map(
    (port) => `Port-${port}]: Port ${port} is in use`,
  );
  const files = manifests.map(
    (file) => `FileAvailable-${file.replaceAll('/', '-')}]: ${file} already exists`,
  );
  return [...ports, ...files, `Port-${machine.ports.kubelet}]: Port ${machine.ports.kubelet} is in use`];
}

function failTooEarly({ out }: CommandRun): number {
  out(
    klogWarning(
      'checks.go:1046',
      `[preflight] WARNING: Couldn't create the interface used for talking to the container runtime: ${runtimeMissing}`,
    ),
  );
  out(cgroupWarning());
  out(pulling);
  out(`[preflight] Some fatal errors occurred:\n${runtimeMissing}${preflightEnd}`);
  return 1;
}

/** The files are written, so that the next try needs a reset, as in the real one. */
function failUnhealthy({ machine, out }: CommandRun): number {
  const url = `https://${machine.hostIp}:${machine.ports.apiServer}/livez`;
  writeManifests(machine);
  out(starting(machine));
  out(`[control-plane-check] kube-apiserver is not healthy after 4m0.000297s\n\n`);
  out(
    kubeadmError(
      `error execution phase wait-control-plane: failed while waiting for the control plane to start: kube-apiserver check failed at ${url}: Get "${url}?timeout=10s": dial tcp ${machine.hostIp}:${machine.ports.apiServer}: connect: connection refused`,
    ),
  );
  return 1;
}

/** An API server that does not know a flag of its manifest: the kubelet keeps its log, in CRI's format. */
function writePodLog(machine: Machine): void {
  const pod = `kube-system_kube-apiserver-${machine.name}_5f1c0a6e7d1b4c0f9a3e2d1c0b9a8f7e`;
  machine.files.set(
    `/var/log/pods/${pod}/kube-apiserver/4.log`,
    `${new Date().toISOString()} stderr F Error: unknown flag: --retired-flag`,
  );
}

const pulling = `[preflight] Pulling images required for setting up a Kubernetes cluster
[preflight] This might take a minute or two, depending on the speed of your internet connection
[preflight] You can also perform this action beforehand using 'kubeadm config images pull'
`;

function beforeCertificates(): string {
  const pause =
    'detected that the sandbox image "registry.k8s.io/pause:3.10" of the container runtime is inconsistent with that used by kubeadm. It is recommended to use "registry.k8s.io/pause:3.10.1" as the CRI sandbox image.';
  return `${pulling}${klogWarning('checks.go:827', pause)}`;
}

function certificates({ name, nodeIp, hostIp }: Machine): string {
  const etcd = `is signed for DNS names [localhost ${name}] and IPs [${nodeIp} 127.0.0.1 ::1]`;
  return `[certs] Using certificateDir folder "/etc/kubernetes/pki"
[certs] Generating "ca" certificate and key
[certs] Generating "apiserver" certificate and key
[certs] apiserver serving cert is signed for DNS names [${servingNames(name).join(' ')}] and IPs [10.96.0.1 ${nodeIp} 127.0.0.1 ${hostIp}]
[certs] Generating "apiserver-kubelet-client" certificate and key
[certs] Generating "front-proxy-ca" certificate and key
[certs] Generating "front-proxy-client" certificate and key
[certs] Generating "etcd/ca" certificate and key
[certs] Generating "etcd/server" certificate and key
[certs] etcd/server serving cert ${etcd}
[certs] Generating "etcd/peer" certificate and key
[certs] etcd/peer serving cert ${etcd}
[certs] Generating "etcd/healthcheck-client" certificate and key
[certs] Generating "apiserver-etcd-client" certificate and key
[certs] Generating "sa" key and public key
[kubeconfig] Using kubeconfig folder "/etc/kubernetes"
[kubeconfig] Writing "admin.conf" kubeconfig file
[kubeconfig] Writing "super-admin.conf" kubeconfig file
[kubeconfig] Writing "kubelet.conf" kubeconfig file
[kubeconfig] Writing "controller-manager.conf" kubeconfig file
[kubeconfig] Writing "scheduler.conf" kubeconfig file
[etcd] Creating static Pod manifest for local etcd in "/etc/kubernetes/manifests"
[control-plane] Using manifest folder "/etc/kubernetes/manifests"
[control-plane] Creating static Pod manifest for "kube-apiserver"
[control-plane] Creating static Pod manifest for "kube-controller-manager"
[control-plane] Creating static Pod manifest for "kube-scheduler"
`;
}

function starting({ hostIp, ports }: Machine): string {
  return `[kubelet-start] Writing kubelet environment file with flags to file "/var/lib/kubelet/kubeadm-flags.env"
[kubelet-start] Writing kubelet configuration to file "/var/lib/kubelet/instance-config.yaml"
[patches] Applied patch of type "application/strategic-merge-patch+json" to target "kubeletconfiguration"
[kubelet-start] Writing kubelet configuration to file "/var/lib/kubelet/config.yaml"
[kubelet-start] Starting the kubelet
[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods from directory "/etc/kubernetes/manifests"
[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:10248/healthz. This can take up to 4m0s
[kubelet-check] The kubelet is healthy after 1.00211339s
[control-plane-check] Waiting for healthy control plane components. This can take up to 4m0s
[control-plane-check] Checking kube-apiserver at https://${hostIp}:${ports.apiServer}/livez
[control-plane-check] Checking kube-controller-manager at https://127.0.0.1:10257/healthz
[control-plane-check] Checking kube-scheduler at https://127.0.0.1:10259/livez
`;
}

function afterStart(machine: Machine): string {
  return `${starting(machine)}[control-plane-check] kube-controller-manager is healthy after 1.465884432s
[control-plane-check] kube-scheduler is healthy after 7.594400458s
[control-plane-check] kube-apiserver is healthy after 9.002218725s
[upload-config] Storing the configuration used in ConfigMap "kubeadm-config" in the "kube-system" Namespace
[kubelet] Creating a ConfigMap "kubelet-config" in namespace kube-system with the configuration for the kubelets in the cluster
[upload-certs] Skipping phase. Please see --upload-certs
[mark-control-plane] Marking the node ${machine.name} as control-plane by adding the labels: [node-role.kubernetes.io/control-plane node.kubernetes.io/exclude-from-external-load-balancers]
[mark-control-plane] Marking the node ${machine.name} as control-plane by adding the taints [node-role.kubernetes.io/control-plane:NoSchedule]
[bootstrap-token] Configuring bootstrap tokens, cluster-info ConfigMap, RBAC Roles
[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to get nodes
[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get long term certificate credentials
[bootstrap-token] Configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a Node Bootstrap Token
[bootstrap-token] Configured RBAC rules to allow certificate rotation for all node client certificates in the cluster
[bootstrap-token] Creating the "cluster-info" ConfigMap in the "kube-public" namespace
[kubelet-finalize] Updating "/etc/kubernetes/kubelet.conf" to point to a rotatable kubelet client certificate and key
[addons] Applied essential addon: CoreDNS
[addons] Applied essential addon: kube-proxy

`;
}

function successText({ name, ports }: Machine, hash: string): string {
  const join = `kubeadm join ${name}:${ports.apiServer} --token <value withheld> \\\n\t--discovery-token-ca-cert-hash sha256:${hash} `;
  return `Your Kubernetes control-plane has initialized successfully!

To start using your cluster, you need to run the following as a regular user:

  mkdir -p $HOME/.kube
  sudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
  sudo chown $(id -u):$(id -g) $HOME/.kube/config

Alternatively, if you are the root user, you can run:

  export KUBECONFIG=/etc/kubernetes/admin.conf

You should now deploy a pod network to the cluster.
Run "kubectl apply -f [podnetwork].yaml" with one of the options listed at:
  https://kubernetes.io/docs/concepts/cluster-administration/addons/

You can now join any number of control-plane nodes by copying certificate authorities
and service account keys on each node and then running the following as root:

  ${join}\\\n\t--control-plane \n
Then you can join any number of worker nodes by running the following on each as root:

${join}
`;
}

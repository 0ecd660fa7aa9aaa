/** A rehearsed cluster with one node that takes pods, and `unet kube` and kubectl in it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, mustSucceed, RehearsedHost, run } from '../rehearsal/rehearsed-host.ts';

const UNET = join(import.meta.dirname, '../../bin/unet.js');

export class RehearsedCluster {
  readonly templates: string;
  private readonly host: RehearsedHost;

  private constructor(host: RehearsedHost) {
    this.host = host;
    this.templates = join(host.directory, 'kube-templates');
    mkdirSync(this.templates);
  }

  static async start(): Promise<RehearsedCluster> {
    const host = await RehearsedHost.create({ node: 'u7s-n0', hostIp: '127.0.0.10' });
    await host.lead();
    const cluster = new RehearsedCluster(host);
    await cluster.kubectl('taint', 'nodes', '--all', 'node-role.kubernetes.io/control-plane-');
    return cluster;
  }

  async stop(): Promise<void> {
    await this.host.make('down-v');
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      HOME: this.host.directory,
      UNET_CONFIG: '/dev/null',
      KUBECONFIG: this.host.kubeconfig,
      UNET_KUBE_TEMPLATES: this.templates,
    };
  }

  template(name: string, text: string): void {
    writeFileSync(join(this.templates, name), text);
  }

  unet(...words: string[]): Promise<Finished> {
    return run(process.execPath, [UNET, 'kube', ...words], this.environment, this.host.directory);
  }

  /** Its standard output. */
  async kubectl(...words: string[]): Promise<string> {
    const finished = await run('kubectl', words, this.environment, this.host.directory);
    mustSucceed(finished);
    return finished.stdout;
  }

  /** `kind/name` of everything in the namespace that a job could have made. */
  async objects(namespace = 'default'): Promise<string[]> {
    const kinds = 'configmaps,secrets,services,deployments,replicasets,jobs,pods';
    const names = await this.kubectl('get', kinds, '-n', namespace, '-o', 'name');
    return names
      .split('\n')
      .filter((name) => name !== '' && !['configmap/kube-root-ca.crt', 'service/kubernetes'].includes(name));
  }
}

/** The template of the Flux-Kube example, without a router: a service, a secret and a deployment. */
export const NGINX = `apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: nginx-template}
message: "nginx for \${APPLICATION_DOMAIN}"
labels: {template: nginx-template}
parameters:
  - {name: NAME, value: nginx, required: true}
  - {name: APPLICATION_DOMAIN, required: true}
  - {name: REPLICAS, value: "1"}
  - {name: PASSWORD, generate: expression, from: "[a-zA-Z0-9]{12}"}
objects:
  - apiVersion: v1
    kind: Service
    metadata: {name: "\${NAME}", annotations: {domain: "\${APPLICATION_DOMAIN}"}}
    spec: {selector: {name: "\${NAME}"}, ports: [{port: 8080}]}
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: "\${NAME}"}
    spec:
      replicas: \${{REPLICAS}}
      selector: {matchLabels: {name: "\${NAME}"}}
      template:
        metadata: {labels: {name: "\${NAME}"}}
        spec:
          containers:
            - name: nginx
              image: nginx
              command: [sh, -c, "echo serving \${APPLICATION_DOMAIN}; exec sleep 1000"]
  - apiVersion: v1
    kind: Secret
    metadata: {name: "\${NAME}"}
    stringData: {password: "\${PASSWORD}"}
`;

/** A Job that says something and ends. */
export const BATCH = `apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: batch}
parameters:
  - {name: CODE, value: "0"}
  - {name: SLEEP, value: "0"}
  - {name: IMAGE, value: busybox}
objects:
  - apiVersion: batch/v1
    kind: Job
    metadata: {generateName: batch-}
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: main
              image: "\${IMAGE}"
              command: [sh, -c, "echo begin; sleep \${SLEEP}; echo end; exit \${CODE}"]
`;

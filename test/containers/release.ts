/** A release in upstream's shape for a real compose client: its steps run the programs of the node image. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REHEARSAL = fileURLToPath(new URL('../../dist/rehearsal', import.meta.url));
export const NODE_IMAGE = 'localhost/unet-test-node:1';

/** Writes it into `directory`. Makefile and kubeadm's file are those of the rehearsal, which are upstream's in shape. */
export function writeRelease(directory: string): string {
  mkdirSync(join(directory, 'Makefile.d'), { recursive: true });
  for (const name of [
    'Makefile',
    'kubeadm-config.yaml',
    'Makefile.d/host-ip.sh',
    'Makefile.d/node-subnet.sh',
  ]) {
    cpSync(join(REHEARSAL, name), join(directory, name));
  }
  writeFileSync(join(directory, 'docker-compose.yaml'), COMPOSE);
  writeFileSync(join(directory, 'Dockerfile'), `FROM ${NODE_IMAGE}\nLABEL unet.test=built\n`);
  script(directory, 'check-preflight.sh', 'true');
  script(directory, 'sync-external-ip.sh', 'kubectl get nodes -o name');
  script(
    directory,
    'install-flannel.sh',
    'kubectl create namespace kube-flannel\nhelm install flannel --namespace kube-flannel /flannel',
  );
  return directory;
}

function script(directory: string, name: string, text: string): void {
  writeFileSync(join(directory, 'Makefile.d', name), `#!/bin/bash\nset -eu -o pipefail\n${text}\n`, {
    mode: 0o755,
  });
}

const COMPOSE = `# Variables are set by make.
---
services:
  node:
    build: .
    hostname: \${NODE_NAME}
    privileged: true
    restart: always
    networks:
      default:
        ipv4_address: \${NODE_IP}
    ports:
      - \${PORT_ETCD}:\${PORT_ETCD}
      - \${PORT_KUBE_APISERVER}:\${PORT_KUBE_APISERVER}
      - \${PORT_KUBELET}:\${PORT_KUBELET}
      - \${PORT_FLANNEL}:\${PORT_FLANNEL}/udp
    volumes:
      - .:/usernetes:ro
      - node-var:/var
      - node-opt:/opt
      - node-etc:/etc
      - type: tmpfs
        target: /run
      - type: tmpfs
        target: /tmp
    working_dir: /usernetes
    environment:
      KUBECONFIG: /etc/kubernetes/admin.conf
      HOST_IP: \${HOST_IP}
    sysctls:
      - net.ipv4.ip_forward=1
    annotations:
      "nerdctl/bypass4netns": "\${BYPASS4NETNS:-false}"
networks:
  default:
    ipam:
      config:
        - subnet: \${NODE_SUBNET}
volumes:
  node-var: {}
  node-opt: {}
  node-etc: {}
`;

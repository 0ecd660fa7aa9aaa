// The commands that need the API server or the certificate authority: one chunk, loaded on first use.
export { installFlannel } from './commands/install-flannel.ts';
export { kubeadmInit } from './commands/kubeadm-init.ts';
export { kubeadmToken } from './commands/kubeadm-token.ts';
export { syncExternalIp } from './commands/sync-external-ip.ts';

import { expect, it } from 'vitest';
import { containerLogTail } from '../../src/node/container-log-tail.ts';

const log = (pod: string, container: string, restarts: number, ...lines: string[]) =>
  [`==> /var/log/pods/kube-system_${pod}_0a1b/${container}/${restarts}.log <==`, ...lines, ''].join('\n');

it('quotes the container that is restarted, without the prefix of its runtime', () => {
  const text = [
    log('etcd-u7s-n0', 'etcd', 0, '2025-01-01T00:00:00.1Z stderr F ready'),
    log(
      'kube-apiserver-u7s-n0',
      'kube-apiserver',
      4,
      '2025-01-01T00:00:00.2Z stderr F Error: unknown flag: --x',
    ),
    log('kube-scheduler-u7s-n0', 'kube-scheduler', 7, '2025-01-01T00:00:00.3Z stderr F connection refused'),
  ].join('\n');
  expect(containerLogTail(text)).toEqual([
    'kube-apiserver of kube-system/kube-apiserver-u7s-n0, restarted 4 times, said:',
    'Error: unknown flag: --x',
  ]);
});

it('quotes nothing where no container was restarted, or there are no logs', () => {
  expect(containerLogTail(log('etcd-u7s-n0', 'etcd', 0, 'x stderr F ready'))).toEqual([]);
  expect(containerLogTail('find: ‘/var/log/pods’: No such file or directory')).toEqual([]);
});

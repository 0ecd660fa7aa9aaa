/*
 * The lab: real Slurm hosts on one machine, for scenarios in vitest and for development by hand.
 *
 *   import { describeLab, startLab } from './lab/index.ts';
 *
 *   describeLab('a job of three nodes', () => {          // skipped with the reason without root; fails with CI=true
 *     it('prints three names', async () => {
 *       await using lab = await startLab({ hosts: 3, login: true });
 *       const id = await lab.sbatch('srun hostname', { nodes: 3 });      // typed on lab.login, by lab.user
 *       const { state, exitCode, output } = await lab.waitForJob(id, { timeoutMs: 20_000 });
 *       ...
 *       const { stdout } = await lab.run('n1', ['hostname']);            // to its end
 *       const salloc = await lab.spawn(lab.login, ['salloc', '-N2', 'bash', '-c', 'echo $SLURM_JOB_ID; cat']);
 *       await salloc.says(/\d+/);                                        // stdin, stdout, signal(), kill(), ended
 *       lab.processes('n1', { user: lab.user.name });                    // detached daemons too
 *       await lab.files('n1');                                           // below the node-local places
 *       await lab.killHost('n2');                                        // also cutLink, restoreLink, restartHost
 *     });
 *   });
 *
 * Use one lab for a whole file (`beforeAll`/`afterAll` with `lab[Symbol.asyncDispose]()`): it takes about
 * half a second to start. Options: `LabOptions` in start.ts (ssh, KillWait, SlurmdTimeout, proctrack, slurm.conf lines …).
 *
 * A host (n0 …, `login`, and `ctl` with slurmctld, munged and the bridge) has its own pid, network, UTS, IPC and
 * mount namespaces: its own host name, processes, eth0 (10.77.0.x, no default route), /tmp, /var/tmp, /dev/shm,
 * /run. The rest of the file system is this machine's and so shared by all hosts; /etc is a copy that belongs
 * to the lab. The ordinary user `unetlab` exists in that copy only; `lab.user.home` has the same path inside and
 * outside. Logs are in `lab.root`/log.
 *
 * By hand: `scripts/lab.sh up`, `scripts/lab.sh shell n0`, `scripts/lab.sh down`.
 */
export { describeLab } from './describe-lab.ts';
export { Lab } from './lab.ts';
export { startLab } from './start.ts';
export { labUnavailable } from './unavailable.ts';

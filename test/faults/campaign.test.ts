/**
 * Faults put into real Slurm jobs. `npm run test:faults -- --seed N --count N` for more of them, `--only K` for one again.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { installUnet } from '../lab/install.ts';
import { describeLab, type Lab, startLab } from '../lab/lab/index.ts';
import { TIME_SCALE } from '../process/scratch.ts';
import { campaign, describeTrial, type Place } from './fault.ts';
import { attempt } from './trial.ts';

const number = (name: string, otherwise: number) => Number(process.env[`UNET_FAULTS_${name}`] ?? otherwise);
const SEED = number('SEED', 1);
const COUNT = number('COUNT', 60);
const ONLY = process.env.UNET_FAULTS_ONLY;
const KILL_WAIT = number('KILL_WAIT', 5);

/** Pairs of hosts: a trial has one to itself. */
const PAIRS = 3;

vi.setConfig({ testTimeout: (COUNT * 60_000 + 300_000) * TIME_SCALE });

describeLab(`faults of seed ${SEED}`, () => {
  let lab: Lab;
  let unet = '';
  const free: Record<Place, string>[] = [];
  const waiting: (() => void)[] = [];
  let struck = 0;

  beforeAll(async () => {
    lab = await startLab({ hosts: 2 * PAIRS, login: true, killWaitSeconds: KILL_WAIT });
    unet = await installUnet(lab);
    for (let pair = 0; pair < PAIRS; pair += 1) {
      free.push({ lead: `n${2 * pair}`, worker: `n${2 * pair + 1}` });
    }
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  async function pair(): Promise<Record<Place, string>> {
    for (;;) {
      const hosts = free.shift();
      if (hosts !== undefined) {
        return hosts;
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }

  const trials = campaign(SEED, COUNT).map((trial, index) => ({ trial, index }));
  const chosen = trials.filter(({ index }) => ONLY === undefined || index === Number(ONLY));

  for (const { trial, index } of chosen) {
    test.concurrent(`#${index} ${describeTrial(trial)}`, async () => {
      const hosts = await pair();
      try {
        const found = await attempt(trial, { lab, unet, hosts });
        struck += found.struck ? 1 : 0;
        const again = `again: npm run test:faults -- --seed ${SEED} --count ${COUNT} --kill-wait ${KILL_WAIT} --only ${index}`;
        expect(found.problems, `${again}\n${found.output}`).toEqual([]);
      } finally {
        free.push(hosts);
        waiting.shift()?.();
      }
    });
  }

  test.skipIf(ONLY !== undefined)('most faults have met something', () => {
    expect(struck).toBeGreaterThan(COUNT / 2);
  });
});

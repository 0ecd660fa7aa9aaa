/** An agent's part in the proof of the network: its address first, then the probe. */
import { UnetError } from '../errors.ts';
import { workerAddress } from '../launch/address.ts';
import type { Life } from './agent.ts';
import { type Proof, startProof } from './prove.ts';

/** Answers until the agent stops; then it rejects. `life.endProof` frees the ports again. */
export async function answerProof(life: Life): Promise<never> {
  const { inbox, stopping, options, channel } = life;
  const { node } = options;
  let proof: Proof | undefined;
  life.endProof = async () => {
    await proof?.close();
    proof = undefined;
  };
  stopping.addEventListener('abort', () => void life.endProof?.(), { once: true });
  void locate(life).catch(() => {});
  for (;;) {
    const probe = await inbox.take('probe', stopping);
    await life.endProof();
    proof = await startProof(node, probe);
    const { unanswered, lead } = await proof.result;
    channel.send({ type: 'probed', node, round: probe.key, unanswered, lead });
  }
}

async function locate({ inbox, stopping, options, spec, channel }: Life): Promise<never> {
  const { node } = options;
  for (;;) {
    const { leadAddress } = await inbox.take('locate', stopping);
    try {
      const address = node === spec.lead ? leadAddress : await workerAddress(spec.interface, leadAddress);
      channel.send({ type: 'located', node, address });
    } catch (error) {
      channel.send({ type: 'located', node, problem: UnetError.from(error).with({ node }).toRecord() });
    }
  }
}

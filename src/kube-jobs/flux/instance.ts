/** What an instance of Flux needs so that jobs with `flux-kube: 1` are not run on its own nodes: two things that come with Flux. */
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { UnetError } from '../../errors.ts';
import { type FluxOptions, flux } from '../../flux/flux.ts';
import { getattr } from '../../flux/instance.ts';

const ALLOC_BYPASS = 'alloc-bypass.so';
const DEFAULT_FROBNICATORS = ['defaults', 'constraints'];

const Config = z.looseObject({
  ingest: z
    .looseObject({ frobnicator: z.looseObject({ plugins: z.array(z.string()).optional() }).optional() })
    .optional(),
});

/** Where the plugin of Flux's ingest is that marks our jobs. */
export function frobnicatorPath(): string {
  return fileURLToPath(new URL('./unet_kube_frobnicator.py', import.meta.url));
}

/**
 * Loads Flux's own alloc-bypass plugin, and adds ours to the ingest's frobnicator. Repeatable. What the configuration says otherwise
 * stays.
 *
 * @throws UnetError UNET_KUBE_DAEMON where this is not rank 0, UNET_FLUX_GUEST where it is not the instance's owner
 */
export async function prepareInstance(options: FluxOptions, say: (line: string) => void): Promise<void> {
  const [rank, owner] = [await getattr('rank', options), await getattr('security.owner', options)];
  if (owner !== undefined && owner !== String(process.getuid?.())) {
    throw new UnetError('UNET_FLUX_GUEST', `this Flux instance belongs to another user (uid ${owner})`, {
      remedy: 'submit "unet kube run TEMPLATE" as an ordinary job: flux submit unet kube run TEMPLATE',
    });
  }
  if (rank !== '0') {
    throw new UnetError('UNET_KUBE_DAEMON', `the daemon runs on rank 0, and this is rank ${rank}`, {
      remedy: 'flux exec -r 0 unet kube daemon, or flux submit --requires=rank:0 unet kube daemon',
    });
  }
  const loaded = await flux(['jobtap', 'list'], options);
  if (!loaded.includes('alloc-bypass')) {
    await flux(['jobtap', 'load', ALLOC_BYPASS], options);
    say(`loaded ${ALLOC_BYPASS}`);
  }
  const config = Config.parse(JSON.parse((await flux(['config', 'get'], options)) || '{}'));
  const frobnicator = config.ingest?.frobnicator ?? {};
  const plugins = frobnicator.plugins ?? DEFAULT_FROBNICATORS;
  if (!plugins.includes(frobnicatorPath())) {
    const others = plugins.filter((plugin) => !plugin.endsWith('/unet_kube_frobnicator.py'));
    const changed = {
      ...config,
      ingest: { ...config.ingest, frobnicator: { ...frobnicator, plugins: [...others, frobnicatorPath()] } },
    };
    await flux(['config', 'load'], { ...options, input: JSON.stringify(changed) });
    say('added unet’s plugin to the ingest’s frobnicator');
  }
}

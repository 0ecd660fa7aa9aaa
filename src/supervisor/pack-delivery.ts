/** The pack on its way to the nodes: read from a shared filesystem by a few at a time, or broadcast once to all. */
import { UnetError } from '../errors.ts';
import type { PackRoute } from '../pack/routes.ts';
import type { Broadcast } from '../scheduler/scheduler.ts';
import type { PackCluster } from './pack-broadcast.ts';
import { broadcastOf, broadcastPack } from './pack-broadcast.ts';
import { isOut, type NodeEntry } from './roster.ts';
import { createTurns } from './turns.ts';

export type PackDelivery = {
  /** Who there is has greeted: now it can be decided how the pack comes to them. */
  start: () => void;
  request: (node: NodeEntry) => void;
  /** It has loaded it, or will not. */
  finish: (node: NodeEntry) => void;
};

/** Nothing at all without a pack. */
export function createPackDelivery(cluster: PackCluster, signal: AbortSignal): PackDelivery {
  const { settings } = cluster.options;
  const wanting = new Set<NodeEntry>();
  let route: PackRoute | undefined;
  let name: string | undefined;
  const readers = createTurns(settings.packReaders, (node) =>
    cluster.send({ type: 'pack', node, via: 'shared-fs' }, [node]),
  );

  const offer = (node: NodeEntry) => {
    if (route !== 'shared-fs' && route !== undefined && !wasMissed(node)) {
      cluster.send({ type: 'pack', node: node.name, via: route, name }, [node.name]);
    } else if (node.hello?.seesPack === true) {
      readers.request(node.name);
    } else {
      cluster.giveUp(node, unreachable(node));
    }
  };
  /** What a broadcast wrote once went with the agent before; one that stays is there for all. */
  const wasMissed = (node: NodeEntry) =>
    cluster.scheduler.broadcast?.stays !== true && !reached.has(node.name);
  const reached = new Set<string>();

  const settle = (how: PackRoute) => {
    route = how;
    for (const node of wanting) {
      wanting.delete(node);
      offer(node);
    }
  };

  const broadcast = async (how: Broadcast, present: readonly NodeEntry[]) => {
    try {
      name = await broadcastPack(how, settings.pack ?? '', { cluster, present, signal });
      for (const node of present) {
        reached.add(node.name);
      }
      settle(how.route);
    } catch (error) {
      if (signal.aborted) {
        return;
      }
      const failure = UnetError.from(error);
      if (settings.packVia === how.route || present.some(({ hello }) => hello?.seesPack !== true)) {
        cluster.fail(failure);
        return;
      }
      cluster.emit({
        type: 'warning',
        message: `the pack is read from ${settings.pack}: ${failure.message}`,
      });
      settle('shared-fs');
    }
  };

  return {
    start: () => {
      if (settings.pack === undefined || route !== undefined) {
        return;
      }
      const present = [...cluster.roster.values()].filter(
        (node) => node.hello !== undefined && !isOut(node.phase),
      );
      try {
        const how = chooseRoute(cluster, present);
        if (how === undefined) {
          settle('shared-fs');
        } else {
          void broadcast(how, present);
        }
      } catch (error) {
        cluster.fail(UnetError.from(error));
      }
    },
    request: (node) => {
      if (route === undefined) {
        wanting.add(node);
      } else {
        offer(node);
      }
    },
    finish: (node) => {
      wanting.delete(node);
      reached.delete(node.name);
      readers.finish(node.name);
    },
  };
}

/**
 * The broadcast to use; undefined: the nodes read the pack themselves. With no more nodes than may read at the same time a broadcast
 * would only be one more copy.
 *
 * @throws UnetError UNET_PACK_UNREACHABLE
 */
function chooseRoute(cluster: PackCluster, present: readonly NodeEntry[]): Broadcast | undefined {
  const { packVia, packReaders, pack } = cluster.options.settings;
  const blind = present.filter(({ hello }) => hello?.seesPack !== true);
  const broadcast = broadcastOf(cluster, present);
  if (packVia === 'shared-fs') {
    refuseBlind(blind, pack);
    return undefined;
  }
  if (packVia === broadcast?.route) {
    return broadcast;
  }
  if (packVia !== 'auto') {
    throw new UnetError('UNET_PACK_UNREACHABLE', `--pack-via ${packVia}: this allocation cannot do that`, {
      fatal: true,
      remedy:
        packVia === 'sbcast'
          ? 'sbcast takes a Slurm job of which all nodes are used, with the same node-local directory'
          : 'flux-archive takes an instance of Flux 0.60 or later; leave the choice to unet',
    });
  }
  if (broadcast !== undefined && (blind.length > 0 || present.length > packReaders)) {
    return broadcast;
  }
  refuseBlind(blind, pack);
  return undefined;
}

function refuseBlind([node]: readonly NodeEntry[], pack: string | undefined): void {
  if (node !== undefined) {
    throw unreachable(node, pack);
  }
}

function unreachable(node: NodeEntry, pack = 'the pack'): UnetError {
  return new UnetError('UNET_PACK_UNREACHABLE', `${node.name} does not see ${pack}`, {
    node: node.name,
    fatal: true,
    remedy: 'put it on a filesystem that all nodes of the job have',
  });
}

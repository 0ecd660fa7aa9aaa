/** What a node's container gets beside what its release gives it. Travels in the job spec. */
import * as z from 'zod';
import { parseMount, parsePublish, parseUlimit, parseVariable } from './container-texts.ts';
import { type EngineSettings, PROXIES, STORAGES } from './settings.ts';

const Mount = z.object({ source: z.string(), target: z.string(), readOnly: z.boolean() });
const PublishedPort = z.object({
  address: z.string().optional(),
  host: z.number(),
  node: z.number(),
  protocol: z.enum(['tcp', 'udp']),
});
const Ulimit = z.object({ name: z.string(), soft: z.number(), hard: z.number() });
const Variable = z.object({ name: z.string(), value: z.string() });

export const ContainerOptions = z.object({
  /** Used instead of building the release's own. */
  image: z.string().optional(),
  mounts: z.array(Mount),
  ports: z.array(PublishedPort),
  /** Paths and CDI names. */
  devices: z.array(z.string()),
  /** `all`, or numbers with commas. */
  gpus: z.string().optional(),
  ulimits: z.array(Ulimit),
  variables: z.array(Variable),
  proxy: z.enum(PROXIES),
  /** Files of the host. */
  caCerts: z.array(z.string()),
  storage: z.enum(STORAGES),
  /** Milliseconds between the stop signal and the kill. */
  stopGraceMs: z.number(),
});
export type ContainerOptions = z.infer<typeof ContainerOptions>;

/** The part of the settings that is about the container. */
export function containerOptions(settings: EngineSettings): ContainerOptions {
  return {
    image: settings.image,
    mounts: each(settings.mount, parseMount),
    ports: each(settings.publish, parsePublish),
    devices: settings.device,
    gpus: settings.gpus,
    ulimits: each(settings.ulimit, parseUlimit),
    variables: each(settings.env, parseVariable),
    proxy: settings.proxy,
    caCerts: settings.caCert,
    storage: settings.storage,
    stopGraceMs: settings.stopGrace,
  };
}

/** The schema has let nothing through that cannot be read. */
function each<T>(texts: readonly string[], parse: (text: string) => T | undefined): T[] {
  return texts.flatMap((text) => parse(text) ?? []);
}

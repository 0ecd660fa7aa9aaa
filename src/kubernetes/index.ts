/**
 * What the lead's agent does with the API server. A bundle of its own (dist/kubernetes.js): the client is larger than all
 * the rest of unet, and every other process starts without reading it.
 */
export { loadConfig, prepareTls } from './client.ts';
export { dnsReady } from './dns.ts';
export { apiAnswers } from './health.ts';
export { deleteNode, followNodes } from './nodes.ts';
export { limitToken, revokeTokens } from './tokens.ts';
export { withServer } from './with-server.ts';

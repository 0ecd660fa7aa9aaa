/**
 * Each process reads a few messages of each kind. To compile a schema for that (zod does, at its first use) takes longer than to walk
 * through it.
 */
import * as z from 'zod';

z.config({ jitless: true });

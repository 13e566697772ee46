/**
 * Every route of the service: what the app mounts, and what its document describes.
 *
 * @module
 */
import type { Route } from '../route.ts';
import { registryRoutes } from './registry.ts';
import { serviceRoutes } from './service.ts';
import { sessionRoutes } from './sessions.ts';
import { transcriptRoutes } from './transcripts.ts';

export const routes: readonly Route[] = [
  ...sessionRoutes,
  ...registryRoutes,
  ...transcriptRoutes,
  ...serviceRoutes,
];

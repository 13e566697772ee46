/**
 * Berth: Claude Code sessions at the edge. The Worker and its objects.
 *
 * @module
 */
import { env } from 'cloudflare:workers';
import { createApp } from './app.ts';
import { warnWhereOpen } from './http/auth/developer.ts';

export { RegistryObject } from './registry/registry-object.ts';
export { SessionObject } from './session/session-object.ts';
export { ProjectObject } from './transcript/project-object.ts';
export { TranscriptObject } from './transcript/transcript-object.ts';

warnWhereOpen(env);

export default createApp();

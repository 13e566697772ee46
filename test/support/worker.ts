/**
 * The Worker under test: the real one, its objects metered and their calls open to faults.
 *
 * @module
 */
import { RegistryObject as RealRegistry } from '../../src/registry/registry-object.ts';
import { SessionObject as RealSession } from '../../src/session/session-object.ts';
import { ProjectObject as RealProject } from '../../src/transcript/project-object.ts';
import { TranscriptObject as RealTranscript } from '../../src/transcript/transcript-object.ts';
import { interpose } from './calls.ts';
import { meter } from './meter.ts';
import { configured } from './settings.ts';

export { default } from '../../src/index.ts';

export class SessionObject extends RealSession {
  constructor(ctx: DurableObjectState, env: Env) {
    meter(ctx);
    super(ctx, interpose(configured(env)));
  }
}

export class RegistryObject extends RealRegistry {
  constructor(ctx: DurableObjectState, env: Env) {
    meter(ctx);
    super(ctx, interpose(configured(env)));
  }
}

export class TranscriptObject extends RealTranscript {
  constructor(ctx: DurableObjectState, env: Env) {
    meter(ctx);
    super(ctx, interpose(configured(env)));
  }
}

export class ProjectObject extends RealProject {
  constructor(ctx: DurableObjectState, env: Env) {
    meter(ctx);
    super(ctx, interpose(configured(env)));
  }
}

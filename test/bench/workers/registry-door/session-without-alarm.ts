/**
 * A session whose alarm was lost.
 *
 * @module
 */
import { SessionObject } from '../../../../src/session/session-object.ts';

/** It expires when the registry asks it, and not before. */
export class SessionWithoutAlarm extends SessionObject {
  override async alarm(): Promise<void> {}
}

/**
 * How statistics call what names no model.
 *
 * @module
 */

/** How sessions that name no model are counted: by the name that Claude Code has for its own choice. */
export const UNNAMED_MODEL = 'default';

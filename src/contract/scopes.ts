/**
 * What a token may do.
 *
 * @module
 */

/** Each scope, and what it allows. */
export const SCOPES = {
  'sessions:read': 'Read and list sessions',
  'sessions:write': 'Create, change, resume and end sessions',
  'sessions:bypass': 'Create sessions with bypassPermissions, or change them to it',
  'registry:read': 'Read statistics and limits, and watch sessions as they change',
  'registry:write': 'Change limits',
  'transcripts:read': 'Read and list transcripts',
  'transcripts:write': 'Append to transcripts and delete them',
} as const;

export type Scope = keyof typeof SCOPES;

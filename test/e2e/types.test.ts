import type {
  foldSessionSummary,
  HookCallbackMatcher,
  HookEvent,
  Options,
  SessionStore,
} from '@anthropic-ai/claude-agent-sdk';
import { expectTypeOf, test } from 'vitest';
import {
  EdgeSessionStore,
  queryOptions,
  sessionHooks,
  type FoldSessionSummary,
  type SessionHooks,
  type SessionQueryOptions,
} from '../../src/agent-sdk/index.ts';
import type { PermissionMode } from '../../src/client/index.ts';

// The adapter's types are its own, so that it needs no SDK: here they meet the SDK's. The compiler is the judge.

test("the store is the SDK's SessionStore, with all six methods", () => {
  expectTypeOf<EdgeSessionStore>().toExtend<Required<SessionStore>>();
  expectTypeOf<typeof foldSessionSummary>().toExtend<FoldSessionSummary>();
  expectTypeOf(EdgeSessionStore).instance.toExtend<NonNullable<Options['sessionStore']>>();
});

test("options and hooks are query()'s own", () => {
  expectTypeOf<SessionQueryOptions>().toExtend<Options>();
  expectTypeOf<keyof SessionQueryOptions>().toExtend<keyof Options>();
  expectTypeOf(queryOptions).returns.toExtend<Options>();
  expectTypeOf<SessionHooks>().toExtend<NonNullable<Options['hooks']>>();
  expectTypeOf<keyof SessionHooks>().toExtend<HookEvent>();
  expectTypeOf(sessionHooks).returns.toExtend<Partial<Record<HookEvent, HookCallbackMatcher[]>>>();
});

test('each permission mode of Berth is one of the SDK, and the other way round', () => {
  expectTypeOf<PermissionMode>().toEqualTypeOf<NonNullable<Options['permissionMode']>>();
});

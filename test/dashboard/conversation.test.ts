import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/contract/session.ts';
import { firstLine, KEPT_CHARACTERS, turnOf, type Piece } from '../../src/dashboard/conversation.ts';

const said = (type: 'user' | 'assistant', content: JsonValue): JsonObject => ({
  type,
  timestamp: '2026-11-22T11:35:00.194Z',
  message: { role: type, content },
});
const pieces = (...content: JsonValue[]): readonly Piece[] => turnOf(said('assistant', content), 0).pieces;
const body = (text: string) => ({ text, characters: text.length });

describe('who speaks', () => {
  it('is the user, Claude, or a tool for which the user is said to speak', () => {
    expect(turnOf(said('user', 'Hi'), 7)).toEqual({
      key: 7,
      who: 'user',
      at: '2026-11-22T11:35:00.194Z',
      model: null,
      agentId: null,
      pieces: [{ kind: 'text', body: body('Hi') }],
    });
    expect(turnOf(said('assistant', [{ type: 'text', text: 'Hi' }]), 0).who).toBe('assistant');
    expect(turnOf(said('user', [{ type: 'tool_result', content: 'x' }]), 0).who).toBe('tool');
  });

  it('is nobody where Claude Code inserts instructions and summaries', () => {
    for (const entry of [
      { ...said('user', 'Caveat'), isMeta: true },
      { ...said('user', 'Caveat'), isCompactSummary: true },
      { type: 'summary', summary: 'Caveat' },
      { type: 'system', content: 'Caveat' },
    ])
      expect(turnOf(entry, 0)).toMatchObject({
        who: 'note',
        pieces: [{ kind: 'text', body: body('Caveat') }],
      });
  });

  it('is the program where nothing is said, and what it noted is there as JSON', () => {
    for (const [entry, name] of [
      [{ type: 'mode', mode: 'normal' }, 'mode'],
      [{ type: 'attachment', attachment: { type: 'date', date: 'x' } }, 'attachment: date'],
      [{ type: 'system', subtype: 'stop_hook_summary', hookCount: 1 }, 'system: stop_hook_summary'],
      [{ type: 'user', message: 'no object' }, 'user'],
      [said('assistant', [{ type: 'thinking', thinking: '', signature: 's' }]), 'assistant'],
      [{ nothing: 'known' }, 'unknown'],
    ] as const)
      expect(turnOf(entry, 0)).toMatchObject({
        who: 'program',
        pieces: [{ kind: 'data', name, body: body(JSON.stringify(entry, null, 2)) }],
      });
  });

  it('is a subagent whose result an entry is', () => {
    const entry = {
      ...said('user', [{ type: 'tool_result', content: 'x' }]),
      toolUseResult: { agentId: 'a1' },
    };
    expect(turnOf(entry, 0).agentId).toBe('a1');
    expect(turnOf({ ...entry, toolUseResult: 'Error: a1' }, 0).agentId).toBeNull();
  });
});

describe('what is said', () => {
  it('a tool is called with its input as people read it, and with what tells the call from others', () => {
    const input = { timeout: 5, old_string: 'a\nb', file_path: '/w/a.ts', flags: ['x'] };
    expect(pieces({ type: 'tool_use', id: 't1', name: 'Edit', input })).toEqual([
      {
        kind: 'tool',
        id: 't1',
        name: 'Edit',
        gist: '/w/a.ts',
        body: body('timeout: 5\nold_string:\na\nb\nfile_path: /w/a.ts\nflags:\n[\n  "x"\n]'),
      },
    ]);
    expect(pieces({ type: 'server_tool_use', name: 'web', input: { odd: '\n second', n: 1 } })).toMatchObject(
      [{ kind: 'tool', id: null, name: 'web', gist: 'second' }],
    );
    expect(pieces({ type: 'tool_use', input: 3 })).toMatchObject([{ gist: '', body: body('3') }]);
  });

  it('a tool answers with text, with blocks, with what is no text, or with nothing', () => {
    const result = (content?: JsonValue, is_error = false) =>
      pieces({
        type: 'tool_result',
        tool_use_id: 't1',
        is_error,
        ...(content === undefined ? {} : { content }),
      });
    expect(result('gone', true)).toEqual([{ kind: 'result', of: 't1', failed: true, body: body('gone') }]);
    expect(result([{ type: 'text', text: 'a' }, { type: 'odd' }])).toMatchObject([
      { body: body('a\n{\n  "type": "odd"\n}') },
    ]);
    expect(result()).toMatchObject([{ kind: 'result', failed: false, body: body('') }]);
    const image = {
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(4_000) },
    };
    const media = { kind: 'media', name: 'image', about: 'image/png, 3 KB' };
    expect(result([image])).toEqual([media]);
    expect(result([{ type: 'text', text: 'a' }, image])).toMatchObject([{ kind: 'result' }, media]);
  });

  it('images and documents are named, never kept', () => {
    expect(pieces({ type: 'image', source: { type: 'url', url: 'https://example.com/x' } })).toEqual([
      { kind: 'media', name: 'image', about: 'url' },
    ]);
    expect(pieces({ type: 'document' })).toEqual([
      { kind: 'media', name: 'document', about: 'unknown kind' },
    ]);
  });

  it('thinking is told from speech, and what is not known is there as JSON', () => {
    expect(pieces({ type: 'thinking', thinking: 'Hm' })).toEqual([{ kind: 'thinking', body: body('Hm') }]);
    expect(pieces({ type: 'redacted_thinking', data: 'x' })).toMatchObject([{ kind: 'thinking' }]);
    expect(pieces({ type: 'hologram' }, 5)).toEqual([
      { kind: 'data', name: 'hologram', body: body('{\n  "type": "hologram"\n}') },
      { kind: 'data', name: 'unknown', body: body('5') },
    ]);
  });

  it('of what is very long the beginning is kept, and how long it is', () => {
    const text = 'x'.repeat(KEPT_CHARACTERS + 1);
    expect(pieces({ type: 'text', text })).toEqual([
      { kind: 'text', body: { text: text.slice(1), characters: KEPT_CHARACTERS + 1 } },
    ]);
  });

  it('the first line is the first with something on it, up to a length', () => {
    expect(firstLine('\n\n  a b\nc')).toBe('a b');
    expect(firstLine('  \n')).toBe('');
    expect(firstLine('y'.repeat(500))).toBe(`${'y'.repeat(120)}…`);
  });
});

it('a time that is none is no time', () => {
  expect(turnOf({ ...said('user', 'Hi'), timestamp: 'not a date' }, 0).at).toBeNull();
});

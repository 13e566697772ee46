/**
 * What every error of the API looks like.
 *
 * @module
 */
import { expect } from 'vitest';
import { ERRORS, type ErrorCode, type FieldError } from '../../src/contract/errors.ts';

/** RFC 9457, with this API's own members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
}

const MEMBERS = new Set(['type', 'title', 'status', 'detail', 'code', 'requestId', 'errors']);

/** Checks that a response is a problem with this code, whole and with the headers that belong to it. */
export async function expectProblem(response: Response, code: ErrorCode): Promise<Problem> {
  const text = await response.text();
  // The body too, so that a failure shows what was answered instead.
  expect({ status: response.status, text }).toEqual({ status: ERRORS[code].status, text });
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  const body = JSON.parse(text) as Problem;
  expect(body).toMatchObject({ code, status: response.status, title: ERRORS[code].title });
  expect(body.type).toContain(code);
  expect(body.detail).not.toBe('');
  expect(body.requestId).toBe(response.headers.get('X-Request-Id'));
  expect(Object.keys(body).filter((key) => !MEMBERS.has(key))).toEqual([]);
  return body;
}

/** Checks that a response is a 400 that names exactly these fields. */
export async function expectInvalid(response: Response, ...paths: string[]): Promise<void> {
  const { errors = [] } = await expectProblem(response, 'invalid_request');
  const named = new Set(errors.map(({ path }) => path));
  expect([...named].toSorted()).toEqual(paths.toSorted());
  for (const { message } of errors) expect(message).not.toBe('');
}

/** A value as the name of a test: short, and cut between characters. */
export function shown(value: unknown): string {
  return [...(JSON.stringify(value) ?? 'nothing')].slice(0, 40).join('');
}

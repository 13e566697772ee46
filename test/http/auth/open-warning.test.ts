import { afterEach, expect, test, vi } from 'vitest';
import { warnWhereOpen } from '../../../src/http/auth/developer.ts';

afterEach(() => vi.restoreAllMocks());

test('a server with AUTH=off says so in the log when it starts', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  vi.resetModules();
  await import('../../../src/index.ts');
  expect(warn).toHaveBeenCalledOnce();
  expect(JSON.parse(String(warn.mock.calls[0]?.[0]))).toMatchObject({ level: 'warning', event: 'auth.off' });
}, 30_000);

test.each(['required', '', 'OFF'])('one with AUTH=%s has nothing to say', (AUTH) => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  warnWhereOpen({ AUTH });
  expect(warn).not.toHaveBeenCalled();
});

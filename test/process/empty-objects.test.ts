import { copyFile, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, expect, test, vi } from 'vitest';
import { api, valueOf } from '../../scripts/api.ts';
import { deleteEmptyObjects } from '../../scripts/empty-objects.ts';
import type { Series } from '../../src/contract/registry.ts';
import type { Session } from '../../src/contract/session.ts';
import { prepareServer, temporaryFolder } from './server.ts';

const folders = await temporaryFolder();
const start = await prepareServer({ MAX_SESSIONS: 50 }, join(folders, 'served'));
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(folders, 'objects-'));
  writeAlarms([]);
});

const idOf = (n: number): string => n.toString(16).padStart(64, '0');
const fileOf = (n: number, suffix = ''): string => join(folder, `${idOf(n)}.sqlite${suffix}`);
const files = async (): Promise<string[]> => (await readdir(folder)).toSorted();

/** A database as workerd makes them. */
function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL');
  return database;
}

function write(path: string, statements: string): void {
  const database = open(path);
  database.exec(statements);
  database.close();
}

function writeAlarms(ids: readonly string[]): void {
  const path = join(folder, 'metadata.sqlite');
  write(path, 'CREATE TABLE IF NOT EXISTS _cf_ALARM (actor_id TEXT PRIMARY KEY, scheduled_time INTEGER)');
  for (const id of ids) write(path, `INSERT INTO _cf_ALARM VALUES ('${id}', 1)`);
}

/** Copies a database with what stands in its log alone, as SIGKILL leaves it. */
async function copyUnfolded(from: DatabaseSync, path: string, to: number): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await copyFile(path + suffix, fileOf(to, suffix));
  from.close();
}

test('only what holds nothing is deleted, wherever what it holds may be', async () => {
  // 1 was never written to, 2 has deleted all, 3 holds something, 4 only in its log, 5 has deleted all there.
  write(fileOf(1), 'VACUUM');
  write(fileOf(2), 'CREATE TABLE a (b); DROP TABLE a; VACUUM');
  write(fileOf(3), 'CREATE TABLE a (b)');
  const [unfolded, emptied] = [join(folders, 'unfolded'), join(folders, 'emptied')];
  const four = open(unfolded);
  four.exec('CREATE TABLE a (b); INSERT INTO a VALUES (1)');
  await copyUnfolded(four, unfolded, 4);
  const five = open(emptied);
  five.exec('CREATE TABLE a (b); DROP TABLE a');
  await copyUnfolded(five, emptied, 5);
  // 6 is to be woken; 7 was being made; of 8 the deletion was cut off.
  write(fileOf(6), 'VACUUM');
  writeAlarms([idOf(6)]);
  await writeFile(fileOf(7), '');
  await copyFile(fileOf(5, '-wal'), fileOf(8, '-wal'));
  for (const n of [4, 5]) expect((await stat(fileOf(n))).size).toBe(4096);

  expect(deleteEmptyObjects(folder)).toBe(5);
  const left = [3, 4, 6].map((n) => `${idOf(n)}.sqlite`);
  expect((await files()).filter((name) => name.endsWith('.sqlite'))).toEqual([...left, 'metadata.sqlite']);
  expect((await files()).filter((name) => /^[^m].*-/.test(name))).toEqual([
    `${idOf(4)}.sqlite-shm`,
    `${idOf(4)}.sqlite-wal`,
  ]);
  const kept = new DatabaseSync(fileOf(4));
  expect(kept.prepare('SELECT b FROM a').all()).toEqual([{ b: 1 }]);
  kept.close();
});

test('what is no object is left alone, and what can be no database', async () => {
  const page = Buffer.alloc(4096, 'x');
  for (const name of ['notes.sqlite', `${idOf(1)}.sqlite.bak`, `${idOf(2)}.sqlite`])
    await writeFile(join(folder, name), page);
  const before = await files();
  expect(deleteEmptyObjects(folder)).toBe(0);
  expect(await files()).toEqual(before);
});

test('where alarms are kept in a way that it does not know, nothing is deleted', async () => {
  write(fileOf(1), 'VACUUM');
  write(join(folder, 'metadata.sqlite'), 'ALTER TABLE _cf_ALARM RENAME TO other');
  expect(() => deleteEmptyObjects(folder)).toThrow('_cf_ALARM');
  expect(await files()).toContain(`${idOf(1)}.sqlite`);
});

test('a server that starts deletes what unknown ids and deletions have left, and nothing that lives', async () => {
  let server = await start();
  const call = async <T>(method: string, path: string, body?: unknown) =>
    valueOf(await api(server.url).call<T>(method, path, body));
  const create = (timeout: number) => call<Session>('POST', '/v1/sessions', { sessionTimeoutMs: timeout });
  const read = (id: string) => call<Session>('GET', `/v1/sessions/${id}`);
  const [long, ended] = [await create(600_000), await create(600_000)];
  await call('DELETE', `/v1/sessions/${ended.sessionId}`);
  // No one has these.
  const strangers = Array.from({ length: 5 }, (_, n) => `${long.sessionId.slice(0, -4)}000${n}`);
  for (const id of strangers) await api(server.url).call('GET', `/v1/sessions/${id}`);
  const transcript = (name: string) => `${server.url}/v1/projects/p/transcripts/${name}`;
  for (const name of ['kept', 'deleted'])
    await call('POST', `/v1/projects/p/transcripts/${name}/entries`, { entries: [{ uuid: name }] });
  await fetch(transcript('deleted'), { method: 'DELETE' });
  const short = await create(1_000);
  // Before anything is folded out of a log.
  await server.stop('SIGKILL');

  server = await start();
  expect(server.deletedObjects).toBe(strangers.length + 1);
  // Nothing but its alarm can have told the registry.
  await vi.waitFor(
    async () => {
      const { data } = await call<Series>('GET', '/v1/registry/series?minutes=5');
      expect(data.reduce((sum, minute) => sum + minute.expired, 0)).toBe(1);
    },
    { timeout: 10_000, interval: 50 },
  );
  expect(await read(long.sessionId)).toEqual(long);
  expect(await read(ended.sessionId)).toMatchObject({ status: 'ended' });
  expect(await read(short.sessionId)).toMatchObject({ status: 'expired' });
  expect(await (await fetch(`${transcript('kept')}/entries`)).text()).toBe('{"uuid":"kept"}\n');
  expect((await fetch(`${transcript('deleted')}/entries`)).status).toBe(404);
  // That one was asked for again, and so has a file again; the first ones are asked for again by nobody.
  await server.stop('SIGTERM');
  server = await start();
  expect(server.deletedObjects).toBe(1);
  expect(await read(long.sessionId)).toEqual(long);
});

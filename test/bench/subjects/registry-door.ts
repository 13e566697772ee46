/**
 * A server whose registry can be called without a request for each call.
 *
 * @module
 */
import { join } from 'node:path';
import { buildWorker, startWorkerd } from '../../../scripts/workerd.ts';
import { temporaryFolder } from '../support/folders.ts';
import type { Call, Calls } from '../workers/registry-door/calls.ts';

const CONFIG = join(import.meta.dirname, '../workers/registry-door/wrangler.toml');
const SETTINGS = { AUTH: 'off' };

export interface RegistryDoor {
  readonly url: string;
  readonly pid: number;
  call<K extends Call>(name: K, input: Calls[K]['input']): Promise<Calls[K]['answer']>;
  stop(): Promise<void>;
}

/** Gives what starts a server on a folder, again and again on the same one. */
export async function prepareRegistryDoor(): Promise<(data: string) => Promise<RegistryDoor>> {
  const bundle = temporaryFolder();
  await buildWorker(bundle, CONFIG);
  return async (data) => {
    const server = await startWorkerd({ bundle, data, settings: SETTINGS });
    return {
      url: server.url,
      pid: server.pid,
      async call<K extends Call>(name: K, input: Calls[K]['input']) {
        const response = await fetch(`${server.url}/door/${name}`, {
          method: 'POST',
          body: JSON.stringify(input),
        });
        if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
        return (await response.json()) as Calls[K]['answer'];
      },
      stop: () => server.stop(),
    };
  };
}

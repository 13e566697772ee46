/**
 * A real Berth server on folders of its own, which can be killed and started again at the same address.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { buildWorker, startWorkerd, type Workerd } from '../../../scripts/workerd.ts';
import { BerthClient } from '../../../src/client/index.ts';

/** A new folder that is deleted when the tests of the file are over. To be called as the file is read. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-e2e-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export class Berth {
  readonly #folder: string;
  #server: Workerd;

  private constructor(folder: string, server: Workerd) {
    this.#folder = folder;
    this.#server = server;
  }

  /** A new server, until the tests of the file are over. To be called as the file is read. */
  static async start(): Promise<Berth> {
    const folder = await temporaryFolder();
    await buildWorker(join(folder, 'bundle'));
    const berth = new Berth(folder, await serve(folder, 0));
    afterAll(() => berth.#server.stop('SIGKILL'));
    return berth;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Each host has a client of its own. */
  client(): BerthClient {
    return new BerthClient({ baseUrl: this.url });
  }

  kill(): Promise<void> {
    return this.#server.stop('SIGKILL');
  }

  /** Starts the killed server on its data and at its address. */
  async startAgain(): Promise<void> {
    this.#server = await serve(this.#folder, Number(new URL(this.url).port));
  }
}

function serve(folder: string, port: number): Promise<Workerd> {
  const [bundle, data] = [join(folder, 'bundle'), join(folder, 'data')];
  return startWorkerd({ bundle, data, port, settings: { AUTH: 'off', MAX_SESSIONS: 1_000 } });
}

/**
 * Machines that run Claude Code, each with folders of its own and no network but the loopback.
 *
 * @module
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { query, type Options, type SDKMessage, type SessionStoreEntry } from '@anthropic-ai/claude-agent-sdk';

/** What of the environment Claude Code needs that is no setting. */
const PASSED_ON = ['PATH', 'LANG', 'TMPDIR'];

/** The environment of a process of Claude Code that keeps to itself. */
export function claudeEnv(home: string, apiUrl: string): Record<string, string> {
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passedOn),
    HOME: home,
    CLAUDE_CONFIG_DIR: join(home, '.claude'),
    ANTHROPIC_BASE_URL: apiUrl,
    ANTHROPIC_API_KEY: 'none',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_AUTOUPDATER: '1',
    IS_SANDBOX: '1',
  };
}

export class Host {
  /** The working folder. */
  readonly cwd: string;
  readonly home: string;
  readonly env: Record<string, string>;

  private constructor(folder: string, apiUrl: string) {
    this.cwd = join(folder, 'work');
    this.home = join(folder, 'home');
    this.env = claudeEnv(this.home, apiUrl);
  }

  /** A new host in an empty folder. */
  static async at(folder: string, apiUrl: string): Promise<Host> {
    const host = new Host(folder, apiUrl);
    await mkdir(host.cwd, { recursive: true });
    await mkdir(host.home, { recursive: true });
    return host;
  }

  /**
   * Runs a turn with the real Claude Code program.
   *
   * @throws where it fails, or something of it could not be stored.
   */
  async turn(prompt: string, options: Options): Promise<SDKMessage[]> {
    const messages: SDKMessage[] = [];
    const all: Options = { ...options, cwd: this.cwd, env: this.env, settingSources: [] };
    for await (const message of query({ prompt, options: all })) {
      messages.push(message);
      if (message.type === 'system' && message.subtype === 'mirror_error') throw new Error(message.error);
      if (message.type === 'result' && message.subtype !== 'success')
        throw new Error(`${message.subtype}: ${message.errors.join('; ')}`);
    }
    return messages;
  }

  /** Where Claude Code keeps its conversations. */
  get projects(): string {
    return join(this.home, '.claude', 'projects');
  }

  /** The entries of a conversation, as Claude Code has kept them here. */
  async transcriptOf(sessionId: string): Promise<SessionStoreEntry[]> {
    const [project = ''] = await readdir(this.projects);
    const text = await readFile(join(this.projects, project, `${sessionId}.jsonl`), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as SessionStoreEntry);
  }

  /** Loses all that Claude Code has kept. */
  async forget(): Promise<void> {
    const kept = await readdir(this.projects);
    if (kept.length === 0) throw new Error('There is nothing to be lost: the test would prove nothing.');
    await rm(this.home, { recursive: true });
    await mkdir(this.home);
  }
}

/** The text of a turn's result. */
export function resultOf(messages: readonly SDKMessage[]): string {
  const result = messages.findLast((message) => message.type === 'result');
  return result?.subtype === 'success' ? result.result : '';
}

/**
 * One server a data folder: a second one would write into the same files.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const LOCK_FILE = 'berth.lock';
/** How `flock` says that another process holds the lock. */
const HELD = 1;
/** A server that was killed takes its time to be gone. */
const PATIENCE_S = 3;
/** macOS has no `flock` program, and doesn't need one: opening a file can lock it. Node has no name for it. */
const O_EXLOCK = process.platform === 'darwin' ? 0x20 : 0;

/** Another process holds the folder. */
export class FolderInUse extends Error {}

export interface FolderLock {
  /**
   * The locked file. Whoever inherits it holds the lock too: it is the kernel that lets go of it, once the
   * last of them is gone, however that comes about.
   */
  readonly fd: number;
  /** Writes down which process an operator has to look for. */
  nameHolder(pid: number): void;
  /** Lets go of it, as far as this process is concerned. Once is enough. */
  release(): void;
}

/**
 * Locks a folder that is there.
 *
 * @throws {@link FolderInUse} where a living process holds it.
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, LOCK_FILE);
  const fd = open(path);
  try {
    if (O_EXLOCK === 0) flock(fd, path);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const nameHolder = (pid: number): void => {
    ftruncateSync(fd, 0);
    writeSync(fd, `${pid}\n`, 0);
  };
  nameHolder(process.pid);
  let isHeld = true;
  const release = (): void => {
    if (isHeld) closeSync(fd);
    isHeld = false;
  };
  return { fd, nameHolder, release };
}

function open(path: string): number {
  try {
    // Without O_NONBLOCK an open that locks would wait for the other process.
    return openSync(
      path,
      constants.O_RDWR | constants.O_CREAT | O_EXLOCK | (O_EXLOCK && constants.O_NONBLOCK),
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') throw inUse(path);
    throw error;
  }
}

/** Node can't lock. `flock` locks what it inherits, which is this process's too, and stays locked after it. */
function flock(fd: number, path: string): void {
  const { status, error, stderr } = spawnSync('flock', ['-x', '-w', `${PATIENCE_S}`, '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
  });
  if (error !== undefined)
    throw new Error('The data folder could not be locked: there is no flock, which is part of util-linux', {
      cause: error,
    });
  if (status === HELD) throw inUse(path);
  if (status !== 0) throw new Error(`The data folder could not be locked: ${stderr.trim()}`);
}

function inUse(path: string): FolderInUse {
  const holder = readFileSync(path, 'utf8').trim();
  return new FolderInUse(
    `Another server (process ${holder || 'unknown'}) keeps its data here. One at a time.`,
  );
}

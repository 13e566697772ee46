/**
 * The machine that something was measured on, in general terms.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir, totalmem, type } from 'node:os';
import { basename, join } from 'node:path';
import { temporaryFolder } from './folders.ts';
import { spreadOf } from './interleaved.ts';

/** About what a small commit writes. */
const SYNCED_BYTES = 4096;
const SYNCS = 300;

/** What the temporary folders are on: `a virtual disk, ext4`. */
function diskKind(): string {
  try {
    const df = execFileSync('df', ['--output=source,fstype', tmpdir()], { encoding: 'utf8' });
    const [source = '', fileSystem = ''] = (df.trim().split('\n').at(-1) ?? '').split(/\s+/);
    if (!source.startsWith('/dev/')) return fileSystem;
    const device = basename(source);
    if (device.startsWith('nvme')) return `an NVMe disk, ${fileSystem}`;
    if (/^x?vd/.test(device)) return `a virtual disk, ${fileSystem}`;
    const parent = device.replace(/\d+$/, '');
    const rotates = readFileSync(`/sys/block/${parent}/queue/rotational`, 'utf8').trim() === '1';
    return `${rotates ? 'a hard disk' : 'an SSD'}, ${fileSystem}`;
  } catch {
    return 'a disk of an unknown kind';
  }
}

/** How long the disk takes to make a small write durable, milliseconds. */
function syncMs(): number {
  const file = openSync(join(temporaryFolder(), 'synced'), 'w');
  const page = Buffer.alloc(SYNCED_BYTES, 'berth');
  const times = Array.from({ length: SYNCS }, () => {
    const start = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - start;
  });
  closeSync(file);
  return spreadOf(times).median;
}

/** Ask before the measuring begins: it says what else the machine was busy with. */
export function describeMachine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  const [load = 0] = loadavg();
  return (
    `${availableParallelism()} cores, ${memory} GB of memory, ${type()}, ${diskKind()} (${syncMs().toFixed(2)} ms for ` +
    `an \`fdatasync\` of 4 KB), load ${load.toFixed(1)} before it began`
  );
}

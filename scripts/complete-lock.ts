/**
 * Completes a lock file with the optional packages of other platforms: `npm run lock`.
 *
 * A registry mirror may have those of its own platform alone. `npm install` then leaves the others out of the
 * lock file, and `npm ci` takes it for outdated, here and everywhere. Their versions stand in the packages
 * that name them, and their platforms in their names.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const OS: Record<string, string> = { windows: 'win32' };
const SYSTEMS = new Set([
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'wasm32',
  'win32',
  'windows',
]);
const CPU: Record<string, string> = { '64': 'x64', aarch64: 'arm64', wasm32: 'wasm32' };

/** What a name such as `@oxlint/binding-linux-arm64-musl` says of its platform; null where it says nothing. */
function platformOf(name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> | null {
  const words = name.split(/[/-]/);
  const at = words.findIndex((word) => SYSTEMS.has(word));
  const system = words[at];
  const processor = words[at + 1];
  if (system === undefined || processor === undefined) return null;
  const abi = words[at + 2] ?? '';
  const libc = abi.startsWith('musl') ? ['musl'] : abi.startsWith('gnu') ? ['glibc'] : null;
  return {
    os: [OS[system] ?? system],
    cpu: [CPU[processor] ?? processor],
    ...(libc === null ? {} : { libc }),
  };
}

function complete(path: string): number {
  const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, LockedPackage> };
  const missing = Object.values(lock.packages).flatMap(({ dev, optionalDependencies = {} }) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => lock.packages[`node_modules/${name}`] === undefined)
      .map(([name, version]) => ({ name, version, dev })),
  );
  for (const { name, version, dev } of missing) {
    const platform = platformOf(name);
    if (platform === null) throw new Error(`${name} does not say what platform it is for`);
    lock.packages[`node_modules/${name}`] = { version, ...(dev ? { dev } : {}), optional: true, ...platform };
  }
  const packages = Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
  return missing.length;
}

for (const path of ['package-lock.json', 'test/e2e/package-lock.json', 'test/bench/package-lock.json']) {
  process.stdout.write(`${path}: ${complete(path)} added\n`);
}

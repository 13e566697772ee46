/**
 * What workerd is told: wrangler.toml, in workerd's own terms.
 *
 * @module
 */
import type { Unstable_Config as WranglerConfig } from 'wrangler';

/** The Worker's only module in a bundle. */
export const MODULE = 'index.js';
/** The files of the page, beside it. */
export const PAGE = 'page';
/** The service that keeps the objects. */
export const OBJECTS = 'objects';

/** These are read from the environment of the process: a file would be in every backup, an argument in `ps`. */
export const SECRETS: readonly string[] = ['AUTH_JWT_SECRET', 'AUTH_JWT_SECRET_PREVIOUS'];

/** Settings by name, as in `[vars]`; those that are not named are taken from there. */
export type Settings = Readonly<Record<string, string | number>>;

/** What wrangler.toml says of a Worker, as far as workerd wants to know it. */
export interface WorkerDescription {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly objects: readonly {
    readonly binding: string;
    readonly className: string;
    /** Names the folder of the class's objects: with another one they would not be found. */
    readonly key: string;
  }[];
  /** Null where the Worker has no files. */
  readonly assetsBinding: string | null;
  readonly vars: Readonly<Record<string, unknown>>;
}

export function describe(worker: WranglerConfig): WorkerDescription {
  return {
    compatibilityDate: worker.compatibility_date ?? '',
    compatibilityFlags: worker.compatibility_flags,
    objects: worker.durable_objects.bindings.map((it) => ({
      binding: it.name,
      className: it.class_name,
      key: `${worker.name}-${it.class_name}`,
    })),
    assetsBinding: worker.assets?.binding ?? null,
    vars: worker.vars,
  };
}

// JSON's strings are Cap'n Proto's too.
const text = (value: string): string => JSON.stringify(value);

function list(items: readonly string[]): string {
  return items.length === 0 ? '[]' : `[\n    ${items.join(',\n    ')},\n  ]`;
}

function binding([name, value]: readonly [name: string, value: unknown]): string {
  return SECRETS.includes(name)
    ? `(name = ${text(name)}, fromEnvironment = ${text(name)})`
    : // A setting is what JSON makes of it, as wrangler has it: text, or a number.
      `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`;
}

/**
 * Where the Worker may connect to: nowhere, but to an identity provider, which may well be on a private
 * network. That address is the operator's: no caller has a say in it.
 */
function reachable(settings: Readonly<Record<string, unknown>>): string {
  return settings['AUTH_JWKS_URL'] ? '"public", "private"' : '';
}

/**
 * The configuration in Cap'n Proto's text form.
 *
 * @param folder the folder of the bundle, relative to where the configuration is.
 */
export function configOf(worker: WorkerDescription, folder: string, settings: Settings): string {
  const vars = { ...worker.vars, ...settings };
  const page = worker.assetsBinding;
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = ${list([
    '(name = "worker", worker = .worker)',
    `(name = "${OBJECTS}", disk = (writable = true))`,
    ...(page === null ? [] : [`(name = "${PAGE}", disk = (writable = false))`]),
    `(name = "internet", network = (allow = [${reachable(vars)}], tlsOptions = (trustBrowserCas = true)))`,
  ])},
  sockets = [(name = "http", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  modules = [(name = "${MODULE}", esModule = embed ${text(`${folder}/${MODULE}`)})],
  compatibilityDate = ${text(worker.compatibilityDate)},
  compatibilityFlags = [${worker.compatibilityFlags.map(text).join(', ')}],
  bindings = ${list([
    ...worker.objects.map(
      (it) => `(name = ${text(it.binding)}, durableObjectNamespace = (className = ${text(it.className)}))`,
    ),
    ...(page === null ? [] : [`(name = ${text(page)}, service = "${PAGE}")`]),
    ...Object.entries(vars).map(binding),
  ])},
  durableObjectNamespaces = ${list(
    worker.objects.map(
      (it) => `(className = ${text(it.className)}, uniqueKey = ${text(it.key)}, enableSql = true)`,
    ),
  )},
  durableObjectStorage = (localDisk = "${OBJECTS}"),
);
`;
}

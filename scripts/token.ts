/**
 * Makes a bearer token: `npm run token -- --tenant acme --scope "sessions:read sessions:write" --expires 30d`.
 *
 * The secret is `AUTH_JWT_SECRET`, from the environment or from `.dev.vars`. `AUTH_ISSUER` and
 * `AUTH_AUDIENCE` go into the token where they are set there too.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import { SCOPES } from '../src/contract/scopes.ts';
import { parseSessionId } from '../src/contract/session-id.ts';
import { readAuthSettings } from '../src/http/auth/auth-settings.ts';
import { DEFAULT_TENANT, TENANT_PATTERN } from '../src/http/auth/principal.ts';

const LOCAL_SECRETS = '.dev.vars';

const USAGE = `Usage: npm run token -- [--tenant NAME] --scope "SCOPE …" --expires TIME [--session ID]

  --tenant   whose sessions it is for (${DEFAULT_TENANT})
  --scope    what it allows, separated by spaces, or "all":
${Object.entries(SCOPES)
  .map(([name, meaning]) => `               ${name.padEnd(18)} ${meaning}`)
  .join('\n')}
  --expires  when it runs out: 15m, 12h, 30d
  --session  the only session that it is good for (all of the tenant's)

The secret is AUTH_JWT_SECRET, from the environment or from ${LOCAL_SECRETS}.`;

/** Something in the call that its author has to mend. */
class UsageError extends Error {}

function readOptions(argv: string[]): { tenant: string; scope: string; expires: string; session?: string } {
  const { values } = parseArgs({
    args: argv,
    options: {
      tenant: { type: 'string', default: DEFAULT_TENANT },
      scope: { type: 'string' },
      expires: { type: 'string' },
      session: { type: 'string' },
    },
  });
  const { tenant, scope, expires, session } = values;
  if (!TENANT_PATTERN.test(tenant))
    throw new UsageError(
      `--tenant must have 1 to 63 lower-case letters, digits and hyphens, not "${tenant}"`,
    );
  if (scope === undefined) throw new UsageError('--scope is missing');
  const names = scope === 'all' ? Object.keys(SCOPES) : scope.split(/\s+/).filter(Boolean);
  const unknown = names.find((name) => !Object.hasOwn(SCOPES, name));
  if (unknown !== undefined) throw new UsageError(`there is no scope "${unknown}"`);
  if (names.length === 0) throw new UsageError('--scope names none');
  if (expires === undefined) throw new UsageError('--expires is missing');
  if (!/^[1-9]\d{0,5}[smhd]$/.test(expires))
    throw new UsageError(`--expires must be a number and one of s, m, h, d, such as 30d, not "${expires}"`);
  if (session === undefined) return { tenant, scope: names.join(' '), expires };
  const id = parseSessionId(session, Date.now());
  if (id === null) throw new UsageError(`--session must be the id of a session, not "${session}"`);
  return { tenant, scope: names.join(' '), expires, session: id };
}

function readSecret(): { secret: Uint8Array; issuer: string | null; audience: string | null } {
  if (existsSync(LOCAL_SECRETS)) process.loadEnvFile(LOCAL_SECRETS);
  const auth = readAuthSettings({ ...process.env, AUTH: 'required' });
  if (!auth.ok) throw new UsageError(`${auth.name} ${auth.problem}`);
  if (auth.settings.kind !== 'secrets')
    throw new UsageError('AUTH_JWKS_URL is set: tokens come from the identity provider');
  const [secret] = auth.settings.secrets;
  if (secret === undefined) throw new UsageError('AUTH_JWT_SECRET is not set');
  return { secret, issuer: auth.settings.issuer, audience: auth.settings.audience };
}

async function main(): Promise<void> {
  const { tenant, scope, expires, session } = readOptions(process.argv.slice(2));
  const { secret, issuer, audience } = readSecret();
  const claims = { tenant, scope, ...(session === undefined ? {} : { session }) };
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime(expires)
    .setJti(randomUUID());
  if (issuer !== null) token.setIssuer(issuer);
  if (audience !== null) token.setAudience(audience);
  process.stdout.write(`${await token.sign(secret)}\n`);
}

try {
  await main();
} catch (error) {
  const expected = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  if (!expected) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}\n`);
  process.exitCode = 2;
}

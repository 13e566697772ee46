/**
 * How full it is: active sessions against the limit, what was refused, and what came of all others.
 *
 * @module
 */
import { useRef, useState } from 'preact/hooks';
import { MAX_MAX_SESSIONS } from '../contract/limits.ts';
import type { RegistryStats } from '../contract/registry.ts';
import { may } from './access.ts';
import { client, stats } from './feed.ts';
import { count, duration, percent } from './format.ts';
import { announce, attempt } from './notices.tsx';
import { range, RANGES, series } from './series.ts';

const NEARLY = 0.8;
const RADIUS = 84;
/** Half a circle. */
const ARC = Math.PI * RADIUS;

function fullness({ activeCount, maxSessions }: RegistryStats): number {
  return maxSessions === 0 ? 1 : Math.min(1, activeCount / maxSessions);
}

function levelOf(full: number): 'full' | 'nearly' | 'roomy' {
  if (full >= 1) return 'full';
  return full >= NEARLY ? 'nearly' : 'roomy';
}

const PATH = `M 16 100 A ${RADIUS} ${RADIUS} 0 0 1 184 100`;

function Gauge({ of, refused }: { readonly of: RegistryStats; readonly refused: number }) {
  const full = fullness(of);
  const words = `${count(of.activeCount)} of ${count(of.maxSessions)} sessions are active, ${percent(of.activeCount, of.maxSessions)}.`;
  return (
    <div class={`gauge ${levelOf(full)}`}>
      <svg viewBox="0 0 200 112" role="img" aria-label={words}>
        <path class="track" d={PATH} />
        <path class="fill" d={PATH} stroke-dasharray={`${full * ARC} ${2 * ARC}`} />
        {refused > 0 && <circle class="refused" cx="184" cy="100" r="8" />}
      </svg>
      <p class="reading" aria-hidden="true">
        <strong>{count(of.activeCount)}</strong>
        <span>of {count(of.maxSessions)} active</span>
      </p>
    </div>
  );
}

function LimitForm({ limit }: { readonly limit: number }) {
  const [isOpen, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const leave = (): void => {
    setOpen(false);
    queueMicrotask(() => opener.current?.focus());
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const maxSessions = input.current?.valueAsNumber ?? limit;
    void attempt(async () => {
      await client.registry.setLimits({ maxSessions });
      if (stats.value !== null) stats.value = { ...stats.value, maxSessions };
      announce(`The limit is ${count(maxSessions)} now.`);
      leave();
    });
  };
  if (!isOpen)
    return (
      <p class="limit">
        <span>
          Limit <b>{count(limit)}</b>
        </span>
        {may('registry:write') && (
          <button type="button" ref={opener} class="quiet" onClick={() => setOpen(true)}>
            Change<span class="sr"> the limit</span>
          </button>
        )}
      </p>
    );
  return (
    <form
      class="limit"
      onSubmit={submit}
      onKeyDown={({ key }) => {
        if (key === 'Escape') leave();
      }}
    >
      <label for="limit">Limit</label>
      <input
        id="limit"
        ref={(element) => {
          if (element !== null && input.current !== element) element.focus();
          input.current = element;
        }}
        type="number"
        required
        min={0}
        max={MAX_MAX_SESSIONS}
        step={1}
        defaultValue={String(limit)}
        aria-describedby="limit-hint"
      />
      <button type="submit" class="primary">
        Set
      </button>
      <button type="button" class="quiet" onClick={leave}>
        Cancel
      </button>
      <small id="limit-hint">
        Holds at once. Ends nobody: below the present count, new ones are refused.
      </small>
    </form>
  );
}

function Figure({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}

export function Capacity() {
  const of = stats.value;
  const refused = series.value.reduce((sum, { rejected }) => sum + rejected, 0);
  const span = RANGES.find(({ minutes }) => minutes === range.value)?.words ?? '';
  return (
    <section class="card capacity" aria-labelledby="capacity-title">
      <h2 id="capacity-title">Capacity</h2>
      {of === null ? (
        <div class="gauge waiting" aria-hidden="true" />
      ) : (
        <>
          <Gauge of={of} refused={refused} />
          <p class={refused > 0 ? 'refusals some' : 'refusals'}>
            {refused > 0
              ? `${count(refused)} refused in the last ${span}`
              : `None refused in the last ${span}`}
          </p>
          <LimitForm limit={of.maxSessions} />
          <dl class="figures">
            <Figure label="Created" value={count(of.totalCreated)} />
            <Figure label="Ended" value={count(of.totalEnded)} />
            <Figure label="Expired" value={count(of.totalExpired)} />
            <Figure label="Refused" value={count(of.totalRejected)} />
            <Figure label="Messages" value={count(of.totalMessages)} />
            <Figure label="Average life" value={duration(of.averageDurationMs)} />
          </dl>
        </>
      )}
    </section>
  );
}

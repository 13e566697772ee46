/**
 * One session in the table.
 *
 * @module
 */
import { Component } from 'preact';
import type { JsonValue } from '../contract/session.ts';
import { count, shortId } from './format.ts';
import type { Row } from './session-list.ts';
import { Ago, Countdown } from './time.tsx';

/** How long a change is seen, milliseconds; the style sheet's animation takes as long. */
const FLASH_MS = 1_500;
/** Metadata shown in a row. The rest is a number. */
const LABELS = 3;

function labelText(value: JsonValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function Labels({ metadata }: { readonly metadata: Readonly<Record<string, JsonValue>> }) {
  const entries = Object.entries(metadata);
  return (
    <>
      {entries.slice(0, LABELS).map(([key, value]) => (
        <span key={key} class="label" title={`${key} = ${labelText(value)}`}>
          <span>{key}</span> {labelText(value)}
        </span>
      ))}
      {entries.length > LABELS && <span class="label more">+{entries.length - LABELS}</span>}
    </>
  );
}

export function Status({ status }: { readonly status: string }) {
  return (
    <span class={`status ${status}`}>
      <i aria-hidden="true" />
      {status}
    </span>
  );
}

export function Mode({ mode }: { readonly mode: string }) {
  return <span class={mode === 'bypassPermissions' ? 'mode bypass' : 'mode'}>{mode}</span>;
}

interface Props {
  readonly row: Row;
  readonly index: number;
  readonly top: number;
  readonly isCurrent: boolean;
  readonly isOpen: boolean;
  /** The same one always: a row that is not rendered again keeps what it was given, with all that it can reach. */
  readonly onOpen: (sessionId: string) => void;
}

export const rowId = (sessionId: string): string => `row-${sessionId}`;

/** Rendered again only when something of it is new: most rows stay as they are while others change. */
export class SessionRow extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const { row, index, top, isCurrent, isOpen } = this.props;
    return (
      next.row.session !== row.session ||
      next.row.changes !== row.changes ||
      next.row.leavesAt !== row.leavesAt ||
      next.index !== index ||
      next.top !== top ||
      next.isCurrent !== isCurrent ||
      next.isOpen !== isOpen
    );
  }

  override render({ row, index, top, isCurrent, isOpen, onOpen }: Props) {
    const { session, changes, heardAt, leavesAt } = row;
    const { sessionId, status, config } = session;
    const flash = changes > 0 && performance.now() - heardAt < FLASH_MS ? ` flash-${changes % 2}` : '';
    return (
      <div
        role="row"
        id={rowId(sessionId)}
        class={`row${flash}${leavesAt === null ? '' : ' leaving'}${isCurrent ? ' current' : ''}`}
        aria-rowindex={index + 2}
        aria-selected={isOpen}
        style={{ transform: `translateY(${top}px)` }}
        onClick={() => onOpen(sessionId)}
      >
        <div role="gridcell" class="cell id">
          <Status status={status} />
          <code title={sessionId}>{shortId(sessionId)}</code>
        </div>
        <div role="gridcell" class="cell labels">
          <Labels metadata={config.metadata} />
        </div>
        <div role="gridcell" class="cell model" title={config.model}>
          {config.model ?? <span class="none">unset</span>}
        </div>
        <div role="gridcell" class="cell permission">
          <Mode mode={config.permissionMode} />
        </div>
        <div role="gridcell" class="cell messages">
          {count(session.messageCount)}
        </div>
        <div role="gridcell" class="cell activity">
          <Ago iso={session.lastActivity} />
        </div>
        <div role="gridcell" class="cell expiry">
          {status === 'active' ? (
            <Countdown iso={session.expiresAt} ofMs={session.sessionTimeoutMs} />
          ) : (
            <span class="over">{session.endedAt !== undefined && <Ago iso={session.endedAt} />}</span>
          )}
        </div>
      </div>
    );
  }
}

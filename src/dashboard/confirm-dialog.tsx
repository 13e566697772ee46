/**
 * A question before what can't be undone.
 *
 * @module
 */
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly onAnswer: (agreed: boolean) => void;
}

export function ConfirmDialog({ title, text, action, onAnswer }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const answer = (agreed: boolean): void => {
    // Closed while it is there, it gives the focus back to where it was.
    dialog.current?.close();
    onAnswer(agreed);
  };
  return (
    <dialog
      ref={dialog}
      class="card confirm"
      aria-labelledby="confirm-title"
      onCancel={(event) => {
        event.preventDefault();
        answer(false);
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      <div class="answers">
        <button type="button" onClick={() => answer(false)}>
          Keep it
        </button>
        <button type="button" class="danger" onClick={() => answer(true)}>
          {action}
        </button>
      </div>
    </dialog>
  );
}

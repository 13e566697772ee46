/**
 * How the model behaves in these tests: a prompt says which tool it is to use.
 *
 * @module
 */
import type { Block, MessagesRequest, Reply } from './messages-api.ts';

const blocksOf = (content: string | readonly Block[]): readonly Block[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;

/** What was said since the model last spoke. */
function news({ messages }: MessagesRequest): Block[] {
  const last = messages.findLastIndex(({ role }) => role === 'assistant');
  return messages.slice(last + 1).flatMap(({ content }) => blocksOf(content));
}

/**
 * Uses `Bash` where the prompt has `[bash: a command]` in it, a subagent where it has `[agent: a task]`, and
 * otherwise repeats what it was told.
 */
export function answerOf(request: MessagesRequest): Reply {
  const blocks = news(request);
  const result = blocks.findLast(({ type }) => type === 'tool_result');
  if (result !== undefined) return { text: `It came to ${JSON.stringify(result.content)}.` };
  const said = blocks
    .flatMap(({ text = '' }) => (text.includes('<system-reminder>') ? [] : [text]))
    .join(' ');
  const [, tool, task = ''] = /\[(bash|agent): ([^\]]+)\]/.exec(said) ?? [];
  if (tool === 'bash') return { tool: 'Bash', input: { command: task, description: 'As told' } };
  if (tool === 'agent')
    return {
      tool: 'Agent',
      input: {
        description: 'As told',
        prompt: task,
        subagent_type: 'general-purpose',
        run_in_background: false,
      },
    };
  return { text: `You said: ${said}` };
}

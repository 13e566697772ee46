/**
 * Lines of JSON out of a stream of bytes.
 *
 * @module
 */

/** The lines of a stream of UTF-8, however its chunks fall. Holds no more of it than one chunk and one line. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
  // In pieces until its end is found: joining them at every chunk would copy a long line over and over.
  let line: string[] = [];
  for await (const chunk of chunks) {
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n');
    line.push(first);
    for (const next of others) {
      yield line.join('');
      line = [next];
    }
  }
  line.push(decoder.decode());
  yield line.join('');
}

/**
 * Each line of a stream, parsed; empty ones are passed over.
 *
 * @throws whatever the decoder or the parser throws where the stream is cut in a character or in a line.
 */
export async function* parseLines<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T, void, undefined> {
  for await (const line of linesOf(chunks)) {
    if (line !== '') yield JSON.parse(line) as T;
  }
}

/**
 * Entries cut out of the body that brought them. They are stored as they came: no number is rounded, no depth
 * is too deep, and nothing is written out a second time.
 *
 * @module
 */

/** A part of a body: its first byte, and the one after its last. */
export type Slice = readonly [start: number, end: number];

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];
/** Whitespace ends here, and what is no character of JSON at all. */
const SPACE = 0x20;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Steps over the values of a text that is known to be JSON. */
class Cursor {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    if (BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte)) this.at = BYTE_ORDER_MARK.length;
  }

  /** What comes next that is no whitespace. */
  peek(): number | undefined {
    while ((this.#bytes[this.at] ?? Infinity) <= SPACE) this.at += 1;
    return this.#bytes[this.at];
  }

  /** Steps over this character, if it is what comes next. */
  take(character: number): boolean {
    if (this.peek() !== character) return false;
    this.at += 1;
    return true;
  }

  /** Steps over a value, and says where it was. */
  value(): Slice {
    const first = this.peek();
    const start = this.at;
    if (first === QUOTE) this.#string();
    else if (first === OPEN_BRACE || first === OPEN_BRACKET) this.#nested();
    else this.#literal();
    if (this.at === start) throw new SyntaxError('There is no value');
    return [start, this.at];
  }

  #string(): void {
    let backslashes: number;
    do {
      this.at = this.#bytes.indexOf(QUOTE, this.at + 1);
      if (this.at < 0) throw new SyntaxError('A string has no end');
      backslashes = 0;
      while (this.#bytes[this.at - 1 - backslashes] === BACKSLASH) backslashes += 1;
      // A quote after an odd number of them is part of the string.
    } while (backslashes % 2 === 1);
    this.at += 1;
  }

  #nested(): void {
    let depth = 0;
    do {
      const byte = this.#bytes[this.at];
      if (byte === undefined) throw new SyntaxError('An object or a list has no end');
      if (byte === QUOTE) {
        this.#string();
        continue;
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
      this.at += 1;
    } while (depth > 0);
  }

  #literal(): void {
    const isInside = (byte: number | undefined): boolean =>
      byte !== undefined && byte > SPACE && byte !== COMMA && byte !== CLOSE_BRACE && byte !== CLOSE_BRACKET;
    while (isInside(this.#bytes[this.at])) this.at += 1;
  }
}

/**
 * Where the entries of an append stand in its body. Of a member that is there twice the last one counts, as
 * for `JSON.parse`.
 *
 * @param body - JSON that was found to be an object, with a list as its `entries`.
 */
export function sliceEntries(body: Uint8Array): Slice[] {
  const cursor = new Cursor(body);
  const decoder = new TextDecoder();
  let slices: Slice[] = [];
  cursor.take(OPEN_BRACE);
  while (cursor.peek() === QUOTE) {
    const name: unknown = JSON.parse(decoder.decode(body.subarray(...cursor.value())));
    cursor.take(COLON);
    // A member that is there twice may be something else the first time.
    if (name === 'entries' && cursor.peek() === OPEN_BRACKET) {
      slices = sliceList(cursor);
    } else {
      cursor.value();
      if (name === 'entries') slices = [];
    }
    cursor.take(COMMA);
  }
  return slices;
}

function sliceList(cursor: Cursor): Slice[] {
  const slices: Slice[] = [];
  cursor.take(OPEN_BRACKET);
  while (!cursor.take(CLOSE_BRACKET)) {
    slices.push(cursor.value());
    cursor.take(COMMA);
  }
  return slices;
}

// What was said and may have to be said again. PURE: no clock, no socket.
//
// A chunk of audio waits here until the server has acknowledged it, over any number of broken connections, but no more
// than KEEP_S seconds: beyond that the oldest goes. `lost` counts what went and is not at the server either.
//
// Numbers are given when a chunk is sent for the first time, and it keeps its number when it is sent again, so that the
// server can tell what it has. Only when chunks went that the server does not have (or the session is a new one) are the
// rest numbered anew: the protocol knows no gaps.

export const KEEP_S = 30;

export class Outbox {
  #chunks = []; // {pcm, seconds, number, end}: number -1 until sent; end in seconds of this session's audio
  #unsent = 0; // index of the first chunk that was not sent on this connection
  #next = 0; // number for the next chunk that was never sent
  #position = 0;
  #samples = 0; // kept: counted whole, so that nothing left is 0

  constructor(rate) {
    this.rate = rate;
    this.lost = 0; // seconds
  }

  /** Keep one chunk (Int16Array). */
  push(pcm) {
    const seconds = pcm.length / this.rate;
    this.#chunks.push({ pcm, seconds, number: -1, end: 0 });
    this.#samples += pcm.length;
    while (this.kept > KEEP_S + 1e-9) {
      if (this.#chunks[0].number < 0) this.lost += this.#chunks[0].seconds;
      this.#drop();
    }
  }

  /** The next chunk to send, {number, pcm}, or null. */
  take() {
    const chunk = this.#chunks[this.#unsent];
    if (chunk === undefined) return null;
    this.#unsent += 1;
    if (chunk.number < 0) chunk.number = this.#next++;
    this.#position += chunk.seconds;
    chunk.end = this.#position;
    return { number: chunk.number, pcm: chunk.pcm };
  }

  /** Seconds that the server has not acknowledged, sent or not. */
  get kept() {
    return this.#samples / this.rate;
  }

  get hasUnsent() {
    return this.#unsent < this.#chunks.length;
  }

  /** Seconds of this session's audio that were sent. */
  get position() {
    return this.#position;
  }

  /** The server holds all chunks up to `number`. One that still has to be sent on this connection stays: see `resume`. */
  ack(number) {
    while (this.#unsent > 0 && this.#chunks[0].number <= number) this.#drop();
  }

  /** The session goes on: the server holds all chunks before `next`, which are so many seconds, and wants the rest. */
  resume(next, seconds) {
    while (this.#chunks.length > 0 && this.#chunks[0].number >= 0 && this.#chunks[0].number < next) this.#drop();
    const [first] = this.#chunks;
    const isNumbered = first !== undefined && first.number >= 0;
    const number = isNumbered ? first.number : this.#next;
    if (number > next) this.lost += Math.max(0, (isNumbered ? first.end - first.seconds : this.#position) - seconds);
    if (number !== next) this.#renumber(next);
    this.#unsent = 0;
    this.#position = seconds;
  }

  /** A new session: all that is kept will be sent, numbered from `next`. */
  restart(next) {
    this.#renumber(next);
    this.#unsent = 0;
    this.#position = 0;
  }

  /** What is kept will not be said: there is no session yet. */
  clear() {
    this.#chunks = [];
    this.#unsent = this.#samples = 0;
  }

  #renumber(next) {
    for (const chunk of this.#chunks) chunk.number = -1;
    this.#next = next;
  }

  #drop() {
    const [chunk] = this.#chunks.splice(0, 1);
    this.#samples -= chunk.pcm.length;
    if (this.#unsent > 0) this.#unsent -= 1;
  }
}

// What was said and may have to be said again. PURE: no clock, no socket.
//
// A chunk of audio waits here until the server has told the outcome of the sentence that it belongs to. An
// acknowledgement alone is not enough: when the socket breaks, the results of the old session are out of reach, and the
// sentence that was running has to be sent again as a whole. So a chunk is dropped when
//
//   - an outcome covers it (`settle`),
//   - or it is acknowledged and older than the longest sentence that the server makes (KEEP_ACKED_S),
//   - or 30 s are kept and more comes (KEEP_S): that audio is lost if it was not acknowledged, and `lost` counts it.
//
// Numbers are given when a chunk is sent, so they have no gaps, whatever was dropped before.

export const KEEP_S = 30;
export const KEEP_ACKED_S = 15;

export class Outbox {
  #chunks = []; // {pcm, seconds, number, end}: number -1 until sent; end in seconds of this session's audio
  #unsent = 0; // index of the first chunk that was not sent
  #next = 0;
  #acked = -1;
  #position = 0;

  constructor(rate) {
    this.rate = rate;
    this.kept = 0; // seconds
    this.lost = 0; // seconds
  }

  /** Keep one chunk (Int16Array). */
  push(pcm) {
    const seconds = pcm.length / this.rate;
    this.#chunks.push({ pcm, seconds, number: -1, end: 0 });
    this.kept += seconds;
    this.#trim();
  }

  /** The next chunk to send, {number, pcm}, or null. */
  take() {
    const chunk = this.#chunks[this.#unsent];
    if (chunk === undefined) return null;
    this.#unsent += 1;
    chunk.number = this.#next++;
    this.#position += chunk.seconds;
    chunk.end = this.#position;
    return { number: chunk.number, pcm: chunk.pcm };
  }

  get hasUnsent() {
    return this.#unsent < this.#chunks.length;
  }

  /** Seconds of this session's audio that were sent. */
  get position() {
    return this.#position;
  }

  /** Seconds that the server has not acknowledged. */
  get unacknowledged() {
    return this.#chunks.reduce((sum, each) => (this.#isAcked(each) ? sum : sum + each.seconds), 0);
  }

  /** The server holds all chunks up to `number`. */
  ack(number) {
    this.#acked = Math.max(this.#acked, number);
    this.#trim();
  }

  /** Everything up to `end` (seconds of this session's audio) has an outcome. */
  settle(end) {
    while (this.#unsent > 0 && this.#chunks[0].end <= end) this.#drop();
  }

  /** A new session: what is kept will be sent again, numbered from `next`. */
  restart(next) {
    for (const chunk of this.#chunks) chunk.number = -1;
    this.#unsent = 0;
    this.#next = next;
    this.#acked = next - 1;
    this.#position = 0;
  }

  #isAcked(chunk) {
    return chunk.number >= 0 && chunk.number <= this.#acked;
  }

  #trim() {
    const behind = this.#position - KEEP_ACKED_S;
    while (this.#chunks.length > 0 && this.#isAcked(this.#chunks[0]) && this.#chunks[0].end <= behind) this.#drop();
    while (this.kept > KEEP_S + 1e-9) {
      if (!this.#isAcked(this.#chunks[0])) this.lost += this.#chunks[0].seconds;
      this.#drop();
    }
  }

  #drop() {
    const [chunk] = this.#chunks.splice(0, 1);
    this.kept -= chunk.seconds;
    if (this.#unsent > 0) this.#unsent -= 1;
  }
}

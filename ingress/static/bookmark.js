// How far the page has read in a session, which is what it says to come back to it (docs/protocol.md, *Coming back*).
// PURE. The token opens the session to whoever has it: it stays in memory and goes to the server alone.

export class Bookmark {
  #n = 0; // of the last event
  #speech = new Map(); // what has begun and not ended: its name -> {utterance, target, chunks}

  /** Of a session.started. */
  constructor({ session, token }) {
    this.session = session;
    this.token = token ?? "";
  }

  /** Take an event in. Returns false for one that was read before. */
  read(event) {
    if (event.n > 0) {
      if (event.n <= this.#n) return false;
      this.#n = event.n;
    }
    if (event.type === "speech.started") {
      const { utterance, target } = event;
      this.#speech.set(nameOf(event), { utterance, target, chunks: 0 });
    } else if (event.type === "speech.ended" || (event.type === "error" && event.target)) {
      this.#speech.delete(nameOf(event));
    }
    return true;
  }

  /** Take a frame of speech in; only those without a gap before them count. */
  hear(frame) {
    const speech = this.#speech.get(nameOf(frame));
    if (speech?.chunks === frame.sequence) speech.chunks += 1;
  }

  /** {session, token, n, heard}: what protocol.sessionResume asks for. */
  get place() {
    return { session: this.session, token: this.token, n: this.#n, heard: [...this.#speech.values()] };
  }
}

const nameOf = ({ utterance, target }) => `${utterance}.${target}`;

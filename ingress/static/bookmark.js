// How far the page has read, which is what it says to come back (docs/protocol.md, *Coming back* and *Rooms*). PURE. The token opens the session to whoever has it: it stays in memory and goes to the server alone.

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

/** The same of a room: how far the page has read in what each other member says, and whose voice is whose. */
export class Others {
  #n = new Map(); // member -> the last event
  #speech = new Map(); // what has begun and not ended: its name -> {speaker, before: the event before its beginning}
  #numbers = new Map(); // in speech frames -> member

  /** Of a room.members. */
  meet(members) {
    this.#numbers = new Map(members.filter(({ number }) => number > 0).map(({ number, member }) => [number, member]));
  }

  /** Take a room.said in. Returns false for one that was read before. */
  read({ speaker, event }) {
    if (event.n > 0) {
      if (event.n <= (this.#n.get(speaker) ?? 0)) return false;
      this.#n.set(speaker, event.n);
    }
    const name = `${speaker}.${nameOf(event)}`;
    if (event.type === "speech.started") this.#speech.set(name, { speaker, before: event.n - 1 });
    else if (event.type === "speech.ended" || (event.type === "error" && event.target)) this.#speech.delete(name);
    return true;
  }

  /** Whose speech this frame is of; null where its beginning was not told. */
  speakerOf(frame) {
    const speaker = this.#numbers.get(frame.speaker);
    return this.#speech.has(`${speaker}.${nameOf(frame)}`) ? speaker : null;
  }

  /** Read everything once more: in another language it is something else. */
  startAgain() {
    this.#n.clear();
  }

  /** What the page has: of speech that it has in part it wants all again, and takes what is missing. */
  get have() {
    const have = Object.fromEntries(this.#n);
    for (const { speaker, before } of this.#speech.values()) have[speaker] = Math.min(have[speaker], before);
    return have;
  }
}

const nameOf = ({ utterance, target }) => `${utterance}.${target}`;

// Which speech is played when. PURE: no clock, no sound.
//
// Speech comes as clips (one utterance in one language) made of numbered frames. One clip plays at a time; clips wait in
// the order of their utterances, and the one that has begun is never interrupted by an earlier one that comes late.
// In a room the voices of several members come one after another, never at once.
// Within a clip frames are given out by their numbers, whatever order they came in. Speech that waits longer than
// MAX_WAITING_S in sum is cut at the oldest clip that has not begun: nobody listens to a speaker five minutes late.

export const MAX_WAITING_S = 300;
const REMEMBERED = 100; // clips that are over: frames that still come for them are dropped

const BEHIND_S = 6; // of speech that waits
const HASTE = 1.25;

/** How much faster to play when so many seconds of speech wait behind what is being played: up to a quarter. */
export const haste = (queued) => 1 + (HASTE - 1) * Math.min(1, queued / BEHIND_S);

/** The time at which `seconds` of sound begin after what is scheduled up to `cursor`, and the cursor after them. */
export function place(cursor, now, seconds, lead = 0.03) {
  const start = cursor >= now ? cursor : now + lead;
  return { start, cursor: start + seconds };
}

class Clip {
  #frames = new Map();
  #next = 0;

  constructor(id, rate) {
    Object.assign(this, id); // session, utterance, target
    this.rate = rate;
    this.waiting = 0; // seconds that were not taken
    this.total = 0; // seconds that have come
    this.ended = false;
    this.begun = false;
  }

  add(sequence, samples) {
    if (sequence < this.#next || this.#frames.has(sequence)) return;
    this.#frames.set(sequence, samples);
    this.waiting += samples.length / this.rate;
    this.total += samples.length / this.rate;
  }

  /** The next frame in order. After the end of the clip a missing one is passed over. */
  take() {
    if (this.ended && !this.#frames.has(this.#next) && this.#frames.size > 0) {
      this.#next = Math.min(...this.#frames.keys());
    }
    const samples = this.#frames.get(this.#next);
    if (samples === undefined) return null;
    this.#frames.delete(this.#next);
    this.#next += 1;
    this.waiting -= samples.length / this.rate;
    return samples;
  }

  /** Nothing is left and nothing will come. */
  get drained() {
    return this.ended && this.#frames.size === 0;
  }
}

export class Playlist {
  #clips = [];
  #over = [];

  /** The clip to play now: the one that has begun, or the first in order. */
  get current() {
    return this.#clips[0] ?? null;
  }

  /** Seconds of speech that have come and whose turn has not. */
  get queued() {
    return this.#clips.slice(1).reduce((sum, each) => sum + each.waiting, 0);
  }

  get length() {
    return this.#clips.length;
  }

  /** Speech of this utterance and target will come. `id` is {session, utterance, target}. Null if it is over. */
  begin(id, rate) {
    if (this.#over.includes(nameOf(id))) return null;
    const found = this.#find(id);
    if (found !== undefined) return found;
    const clip = new Clip(id, rate);
    const later = this.#clips.findIndex((each) => !each.begun && comesBefore(clip, each));
    this.#clips.splice(later < 0 ? this.#clips.length : later, 0, clip);
    return clip;
  }

  /** A frame came. Returns the clips that were given up to keep the queue short. */
  add(id, rate, sequence, samples) {
    this.begin(id, rate)?.add(sequence, samples);
    const skipped = [];
    while (this.#clips.reduce((sum, each) => sum + each.waiting, 0) > MAX_WAITING_S) {
      const oldest = this.#clips.findIndex((each) => !each.begun);
      if (oldest < 0 || this.#clips.length === 1) break;
      skipped.push(this.#remove(oldest));
    }
    return skipped;
  }

  end(id) {
    const clip = this.#find(id);
    if (clip !== undefined) clip.ended = true;
  }

  /** No more frames come for anything: the session is gone. */
  endAll() {
    for (const clip of this.#clips) clip.ended = true;
  }

  /** The current clip is over. */
  next() {
    this.#remove(0);
  }

  clear() {
    while (this.#clips.length > 0) this.#remove(0);
  }

  #remove(index) {
    const [clip] = this.#clips.splice(index, 1);
    this.#over = [nameOf(clip), ...this.#over].slice(0, REMEMBERED);
    return clip;
  }

  #find(id) {
    return this.#clips.find((each) => nameOf(each) === nameOf(id));
  }
}

const nameOf = ({ session, utterance, target }) => `${session}.${utterance}.${target}`;

/** Sessions of the page are numbered; other members of a room have their turn in the order in which they come. */
const comesBefore = (a, b) => {
  if (a.session === b.session) return a.utterance < b.utterance;
  return typeof a.session === "number" && typeof b.session === "number" && a.session < b.session;
};

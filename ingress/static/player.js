// Speech out of the loudspeaker: the playlist's clips, one after another, without gap or overlap.
//
// Sound is scheduled at most AHEAD_S ahead on the audio clock, in short pieces, so that a change of speed is heard
// at once. Pieces are cut where a sample of the speech falls on a sample of the output, so that their seams are exact.
// Speed keeps the pitch (stretch.js). Silent playback (volume 0) takes its time like any other.

import { Playlist, haste, place } from "./playlist.js";
import { Stretch, concatenate } from "./stretch.js";

const AHEAD_S = 0.6;
const PIECE_S = 0.2;
const ENOUGH_TO_BEGIN_S = 0.12;
const PAUSE_S = 0.12; // between two clips
const TICK_MS = 100;
const LOWERED = 0.3;

export class Player {
  #playlist = new Playlist();
  #context = null;
  #gain = null;
  #speed = 1;
  #volume = 1;
  #lowered = false;
  #clip = null; // what is being played: {clip, stretch, cursor, rest, sources, began, toldUntil, pieces}
  #ticker = 0;
  #quietUntil = 0;
  #tell;

  /** `tell` has playing(id, seconds left), played(id), progress(id, seconds into it, seconds in all), skipped(id). */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Must be called from a click or key: browsers give sound to nobody else. */
  async unlock() {
    if (this.#context === null) {
      this.#context = new AudioContext({ latencyHint: "playback" });
      this.#gain = this.#context.createGain();
      this.#gain.gain.value = this.#volume;
      this.#gain.connect(this.#context.destination);
    }
    if (this.#context.state !== "running") await this.#context.resume();
  }

  set speed(value) {
    this.#speed = value;
  }

  /** The reader's, and a little more while speech is behind: better than to drop any. */
  get #pace() {
    return this.#speed * haste(this.#playlist.queued);
  }

  /** Lower the voice while the reader speaks. */
  set lowered(value) {
    this.#lowered = value;
    this.#setGain();
  }

  /** 0 to 1. */
  set volume(value) {
    this.#volume = value;
    this.#setGain();
  }

  #setGain() {
    const value = this.#volume * (this.#lowered ? LOWERED : 1);
    this.#gain?.gain.setTargetAtTime(value, this.#context.currentTime, this.#lowered ? 0.06 : 0.02);
  }

  begin(id, rate) {
    this.#playlist.begin(id, rate);
    this.#pump();
  }

  add(id, rate, sequence, samples) {
    for (const clip of this.#playlist.add(id, rate, sequence, samples)) this.#tell.skipped(clip);
    this.#pump();
  }

  end(id) {
    this.#playlist.end(id);
    this.#pump();
  }

  /** The session is gone: play what is there. */
  endAll() {
    this.#playlist.endAll();
    this.#pump();
  }

  /** Stop the clip that is being played and go on with the next. */
  skip() {
    if (this.#clip === null) return;
    this.#finish();
    this.#pump();
  }

  /** Silence, at once, and nothing kept. */
  stop() {
    this.#playlist.clear();
    if (this.#clip !== null) this.#finish();
    clearInterval(this.#ticker);
    this.#ticker = 0;
  }

  #pump() {
    if (this.#context === null || this.#context.state === "closed") return;
    if (this.#clip === null && !this.#take()) return;
    const playing = this.#clip;
    const now = this.#context.currentTime;
    while (playing.cursor - now < AHEAD_S && !playing.flushed) {
      const piece = this.#nextPiece(playing);
      if (piece === null) break;
      this.#schedule(playing, piece);
    }
    this.#report(playing);
    if (playing.flushed && playing.sources.size === 0) {
      this.#finish();
      this.#pump();
    }
  }

  /** Begin the next clip, once there is enough of it. */
  #take() {
    const clip = this.#playlist.current;
    if (clip === null || (!clip.ended && clip.waiting < ENOUGH_TO_BEGIN_S)) return false;
    clip.begun = true;
    this.#clip = {
      clip,
      stretch: new Stretch(clip.rate),
      input: [], // pieces of the frame that was taken last
      rest: new Float32Array(0), // stretched, but not a whole piece yet
      cursor: Math.max(this.#quietUntil, this.#context.currentTime + 0.02),
      sources: new Set(),
      pieces: [], // {start, end, from, to}: output time, and seconds of the clip
      taken: 0, // seconds of the clip that were scheduled
      toldUntil: -1,
      flushed: false,
    };
    if (this.#ticker === 0) this.#ticker = setInterval(() => this.#pump(), TICK_MS);
    return true;
  }

  /** {samples, from, to}, or null while nothing has come. Sets `flushed` with the last one. */
  #nextPiece(playing) {
    const { clip, stretch } = playing;
    const grain = clip.rate / greatestCommonDivisor(clip.rate, this.#context.sampleRate);
    const ready = [playing.rest];
    let length = playing.rest.length;
    const from = playing.taken;
    const pace = this.#pace;
    while (length < grain || length < PIECE_S * clip.rate) {
      if (playing.input.length === 0) {
        const frame = clip.take();
        if (frame === null) break;
        for (let at = 0; at < frame.length; at += 2048) playing.input.push(frame.subarray(at, at + 2048));
        continue;
      }
      const samples = playing.input.shift();
      playing.taken += samples.length / clip.rate;
      const made = stretch.push(samples, pace);
      ready.push(made);
      length += made.length;
    }
    if (playing.input.length === 0 && clip.drained) {
      ready.push(stretch.flush(pace));
      playing.flushed = true;
    }
    const joined = concatenate(ready);
    const whole = playing.flushed ? joined.length : joined.length - (joined.length % grain);
    playing.rest = joined.slice(whole);
    return whole === 0 ? null : { samples: joined.subarray(0, whole), from, to: playing.taken };
  }

  #schedule(playing, { samples, from, to }) {
    const { clip } = playing;
    const buffer = this.#context.createBuffer(1, samples.length, clip.rate);
    buffer.copyToChannel(samples, 0);
    const { start, cursor } = place(playing.cursor, this.#context.currentTime, samples.length / clip.rate);
    playing.cursor = cursor;
    playing.pieces.push({ start, end: cursor, from, to });
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#gain);
    source.onended = () => {
      playing.sources.delete(source);
      if (this.#clip === playing) this.#pump();
    };
    playing.sources.add(source);
    source.start(start);
  }

  /** Say what is played and until when; say it again when that turns out to be too short. */
  #report(playing) {
    const now = this.#context.currentTime;
    const { clip, pieces } = playing;
    if (pieces.length === 0) return;
    const until = playing.cursor + (clip.total - playing.taken) / this.#pace;
    const runningOut = clip.ended || playing.toldUntil - now < 1;
    if (runningOut && until > playing.toldUntil + 0.1) {
      playing.toldUntil = until;
      this.#tell.playing(clip, until - now);
    }
    while (pieces.length > 1 && pieces[0].end <= now) pieces.shift();
    const { start, end, from, to } = pieces[0];
    const share = end > start ? Math.min(1, Math.max(0, (now - start) / (end - start))) : 1;
    this.#tell.progress(clip, from + (to - from) * share, clip.ended ? clip.total : 0);
  }

  #finish() {
    const { clip, sources, cursor, toldUntil } = this.#clip;
    this.#clip = null;
    for (const source of sources) {
      source.onended = null;
      source.stop();
    }
    this.#quietUntil = Math.min(cursor, this.#context.currentTime) + PAUSE_S;
    if (this.#playlist.current === clip) this.#playlist.next();
    if (this.#playlist.current === null) {
      clearInterval(this.#ticker);
      this.#ticker = 0;
    }
    if (toldUntil >= 0) this.#tell.played(clip);
  }
}

function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

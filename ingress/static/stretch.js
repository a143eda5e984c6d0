// Faster or slower speech at the same pitch. PURE.
//
// WSOLA (Verhelst and Roelands 1993): output is laid down in steps of half a window. For each step the input is read at
// the place that the speed asks for, moved by at most SEEK_S to where it looks most like the natural continuation of
// what was laid down last; the two are cross-faded. At speed 1 the continuation itself is taken, and output is input.

const WINDOW_S = 0.03;
const SEEK_S = 0.01;

export class Stretch {
  #input = new Float32Array(0);
  #ideal = 0; // where the speed wants to read next, in samples of #input
  #next = 0; // natural continuation of the last step
  #fade;

  /** `rate` in Hz. */
  constructor(rate) {
    this.hop = Math.max(16, Math.round((rate * WINDOW_S) / 2));
    this.seek = Math.max(8, Math.round(rate * SEEK_S));
    this.#fade = Float32Array.from({ length: this.hop }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / this.hop));
  }

  /** Feed mono samples; returns what can be laid down now at this speed (0.5 to 3). About 40 ms stay inside. */
  push(samples, speed) {
    const joined = new Float32Array(this.#input.length + samples.length);
    joined.set(this.#input);
    joined.set(samples, this.#input.length);
    this.#input = joined;
    const steps = [];
    while (Math.max(this.#ideal + this.seek, this.#next) + this.hop <= this.#input.length) {
      steps.push(this.#step(speed));
    }
    this.#forget();
    return concatenate(steps);
  }

  /** The rest, after the last sample. */
  flush(speed) {
    const left = Math.max(0, this.#input.length - Math.round(this.#ideal));
    const wanted = Math.round(left / speed);
    const made = this.push(new Float32Array(2 * (this.hop + this.seek)), speed);
    this.#input = new Float32Array(0);
    this.#ideal = this.#next = 0;
    return made.subarray(0, wanted);
  }

  #step(speed) {
    const place = speed === 1 ? this.#next : this.#bestPlace();
    const out = new Float32Array(this.hop);
    for (let i = 0; i < this.hop; i++) {
      const natural = this.#input[this.#next + i];
      out[i] = natural + (this.#input[place + i] - natural) * this.#fade[i];
    }
    this.#next = place + this.hop;
    this.#ideal = (speed === 1 ? place : this.#ideal) + this.hop * speed;
    return out;
  }

  /** Near `#ideal`, the place whose samples correlate best with the natural continuation. */
  #bestPlace() {
    const centre = Math.round(this.#ideal);
    const input = this.#input;
    let best = Math.max(0, centre);
    let bestScore = -Infinity;
    for (let place = Math.max(0, centre - this.seek); place <= centre + this.seek; place++) {
      let product = 0;
      let energy = 1e-6;
      for (let i = 0; i < this.hop; i += 2) {
        const sample = input[place + i];
        product += sample * input[this.#next + i];
        energy += sample * sample;
      }
      const score = product / Math.sqrt(energy);
      if (score > bestScore) {
        bestScore = score;
        best = place;
      }
    }
    return best;
  }

  /** Drop input that no later step can read. */
  #forget() {
    const used = Math.min(this.#input.length, Math.floor(Math.min(this.#next, this.#ideal - this.seek)));
    if (used <= 0) return;
    this.#input = this.#input.slice(used);
    this.#next -= used;
    this.#ideal -= used;
  }
}

export function concatenate(pieces) {
  const whole = new Float32Array(pieces.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

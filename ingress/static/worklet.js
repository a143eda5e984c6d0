// Runs on the audio thread: the microphone's Float32 blocks become PCM16 chunks of about 80 ms.
//
// A microphone that runs faster than the protocol allows (96 kHz, say) is brought down by averaging neighbours.
// Messages out: {pcm: Int16Array, level: 0..1 (RMS), flushed}. Message in: "flush" sends what is there at once.

class Chunker extends AudioWorkletProcessor {
  constructor({ processorOptions: { chunk, factor } }) {
    super();
    this.factor = factor; // blocks' samples for one sample sent
    this.pcm = new Int16Array(chunk);
    this.filled = 0;
    this.sum = 0; // of the samples of the next output sample
    this.summed = 0;
    this.energy = 0;
    this.port.onmessage = () => this.send(true);
  }

  process([input]) {
    const channel = input[0];
    if (channel === undefined) return true; // nothing is connected yet
    for (const value of channel) {
      this.sum += value;
      if (++this.summed < this.factor) continue;
      const sample = Math.max(-1, Math.min(1, this.sum / this.factor));
      this.sum = this.summed = 0;
      this.energy += sample * sample;
      this.pcm[this.filled++] = Math.round(sample * 32767);
      if (this.filled === this.pcm.length) this.send(false);
    }
    return true;
  }

  send(flushed) {
    const pcm = this.pcm.slice(0, this.filled);
    const level = this.filled > 0 ? Math.sqrt(this.energy / this.filled) : 0;
    this.filled = 0;
    this.energy = 0;
    this.port.postMessage({ pcm, level, flushed }, [pcm.buffer]);
  }
}

registerProcessor("chunker", Chunker);

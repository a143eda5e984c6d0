// The microphone as a stream of PCM16 chunks.
//
// The audio context runs at 16 kHz where the browser allows it (that is what the models hear), else at the device's
// own rate, which the server resamples. Failures carry a code that words.js has words for.

const CHUNK_S = 0.08;
const FLUSH_MS = 300;
const MAX_RATE = 48000;
const WANTED = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

export class MicrophoneError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

const CODES = {
  NotAllowedError: "microphone_denied",
  SecurityError: "microphone_denied",
  NotFoundError: "microphone_missing",
  OverconstrainedError: "microphone_missing",
  NotReadableError: "microphone_busy",
  AbortError: "microphone_busy",
};

/** Whether this page may ask for a microphone at all: browsers give it to https and to localhost only. */
export const isPossible = () => window.isSecureContext && navigator.mediaDevices?.getUserMedia !== undefined;

/** Open it. `onChunk(pcm)`, `onLevel(0..1)`, `onLost()` (unplugged). Raises MicrophoneError. */
export async function open({ onChunk, onLevel, onLost }) {
  if (!isPossible()) throw new MicrophoneError("insecure_context");
  if (typeof AudioWorkletNode === "undefined") throw new MicrophoneError("browser_too_old");
  const stream = await ask();
  try {
    return await Microphone.attach(stream, { onChunk, onLevel, onLost });
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  }
}

async function ask() {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: WANTED });
  } catch (error) {
    throw new MicrophoneError(CODES[error.name] ?? "microphone_busy");
  }
}

class Microphone {
  #flushed = null;

  static async attach(stream, listener) {
    const { context, source } = connect(stream);
    try {
      await context.audioWorklet.addModule(new URL("./worklet.js", import.meta.url));
    } catch {
      void context.close();
      throw new MicrophoneError("server_off"); // it is fetched when it is first needed
    }
    const factor = Math.ceil(context.sampleRate / MAX_RATE);
    const rate = Math.round(context.sampleRate / factor);
    const node = new AudioWorkletNode(context, "chunker", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { chunk: Math.round(rate * CHUNK_S), factor },
    });
    const microphone = new Microphone(stream, context, node, rate, listener);
    source.connect(node);
    if (context.state !== "running") await context.resume();
    return microphone;
  }

  constructor(stream, context, node, rate, { onChunk, onLevel, onLost }) {
    this.stream = stream;
    this.context = context;
    this.node = node;
    this.rate = rate; // Hz of the chunks
    node.port.onmessage = ({ data: { pcm, level, flushed } }) => {
      if (pcm.length > 0) onChunk(pcm);
      onLevel(level);
      if (flushed) this.#flushed?.();
    };
    stream.getAudioTracks()[0].onended = onLost;
  }

  /** Give out the beginning of a chunk without waiting for its end. */
  async flush() {
    await new Promise((resolve) => {
      this.#flushed = resolve;
      setTimeout(resolve, FLUSH_MS); // the audio thread stands still where the device is gone
      this.node.port.postMessage("flush");
    });
  }

  close() {
    if (this.context.state === "closed") return;
    this.node.port.onmessage = null;
    for (const track of this.stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    void this.context.close();
  }
}

/** Some browsers refuse to connect a microphone to a context of another rate: then the context takes the device's. */
function connect(stream) {
  for (const options of [{ sampleRate: 16000 }, {}]) {
    const context = new AudioContext(options);
    try {
      return { context, source: context.createMediaStreamSource(stream) };
    } catch {
      void context.close();
    }
  }
  throw new MicrophoneError("microphone_busy");
}

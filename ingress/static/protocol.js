// The binary and JSON shapes of docs/protocol.md. PURE: bytes in, values out, and back.
//
// PCM is handled as Int16Array, which has the byte order of the machine. Every browser runs little endian, as the
// protocol asks; the headers are written through DataView, so that they say so themselves.

export const AUDIO_HEADER = 4;
export const SPEECH_HEADER = 32;
const SPEECH = 1;

/** A chunk of microphone audio as a binary message: u32 number, then PCM16 (Int16Array). Returns an ArrayBuffer. */
export function encodeAudio(number, pcm) {
  const message = new ArrayBuffer(AUDIO_HEADER + pcm.byteLength);
  new DataView(message).setUint32(0, number, true);
  new Int16Array(message, AUDIO_HEADER).set(pcm);
  return message;
}

/**
 * A frame of speech: {utterance, sequence, rate (Hz), target, samples (Float32Array, -1..1)}.
 * Null for a frame of a kind that this page does not know, or one too short to be read: both are to be ignored.
 */
export function decodeSpeech(message) {
  if (message.byteLength < SPEECH_HEADER) return null;
  const view = new DataView(message);
  if (view.getUint8(0) !== SPEECH) return null;
  const name = new Uint8Array(message, 16, 16);
  const length = name.indexOf(0) < 0 ? name.length : name.indexOf(0);
  const count = (message.byteLength - SPEECH_HEADER) >> 1;
  const pcm = new Int16Array(message, SPEECH_HEADER, count);
  return {
    utterance: view.getUint32(4, true),
    sequence: view.getUint32(8, true),
    rate: view.getUint32(12, true),
    target: String.fromCharCode(...name.subarray(0, length)),
    samples: Float32Array.from(pcm, (sample) => sample / 32768),
  };
}

/** What the server said as text: an object with a `type`, or null if it is none. */
export function decodeEvent(text) {
  try {
    const event = JSON.parse(text);
    return event !== null && typeof event === "object" && typeof event.type === "string" ? event : null;
  } catch {
    return null;
  }
}

export const sessionStart = ({ source, targets, speech }, sampleRate) =>
  JSON.stringify({ type: "session.start", source, targets, speech, sample_rate: sampleRate });

/** `place` is a Bookmark's. */
export const sessionResume = ({ session, token, n, heard }, sampleRate) =>
  JSON.stringify({ type: "session.resume", session, token, n, sample_rate: sampleRate, heard });

export const sessionUpdate = ({ source, targets, speech }) =>
  JSON.stringify({ type: "session.update", source, targets, speech });

export const utteranceFinalize = () => JSON.stringify({ type: "utterance.finalize" });

export const sessionClose = () => JSON.stringify({ type: "session.close" });

/** `seconds` is how long the playback will still last; the protocol allows 120. */
export const speechPlaying = ({ utterance, target }, seconds) =>
  JSON.stringify({ type: "speech.playing", utterance, target, seconds: Math.min(120, Math.max(0.01, seconds)) });

export const speechPlayed = ({ utterance, target }) => JSON.stringify({ type: "speech.played", utterance, target });

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
 * A frame of speech: {speaker, utterance, sequence, rate (Hz), target, samples (Float32Array, -1..1)}. `speaker` is 0,
 * or the number of another member of the room.
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
    speaker: view.getUint8(1),
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

/** Of what is asked for, that which the session itself decides: in a room the others say what it is put into. */
const wishes = ({ source, targets, speech, live, between, room }) => {
  if (room) return { source };
  return between?.length ? { source, between, speech, live } : { source, targets, speech, live };
};

export const sessionStart = (request, sampleRate) =>
  JSON.stringify({ type: "session.start", ...wishes(request), sample_rate: sampleRate, room: request.room });

/** `place` is a Bookmark's. */
export const sessionResume = ({ session, token, n, heard }, sampleRate, room) =>
  JSON.stringify({ type: "session.resume", session, token, n, sample_rate: sampleRate, heard, room });

export const sessionUpdate = (request) =>
  JSON.stringify({ type: "session.update", between: request.room ? undefined : [], ...wishes(request) });

/** Listen in a room. `token` is of the last room.joined, or "". */
export const roomJoin = (room, token) => JSON.stringify({ type: "room.join", room, token });

export const roomUpdate = ({ name, language, speech }) =>
  JSON.stringify({ type: "room.update", name, language, speech });

export const utteranceFinalize = () => JSON.stringify({ type: "utterance.finalize" });

export const sessionClose = () => JSON.stringify({ type: "session.close" });

/**
 * `seconds` is how long the playback will still last; the protocol allows 120. `speaker` is another member of the room,
 * or undefined.
 */
export const speechPlaying = ({ utterance, target, speaker }, seconds) =>
  JSON.stringify({ type: "speech.playing", utterance, target, seconds: Math.min(120, Math.max(0.01, seconds)), speaker });

export const speechPlayed = ({ utterance, target, speaker }) =>
  JSON.stringify({ type: "speech.played", utterance, target, speaker });

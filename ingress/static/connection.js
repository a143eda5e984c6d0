// The WebSocket, and what is done when it breaks.
//
// A connection is wanted from `open` until `close` has been answered. In between it may be lost any number of times: it
// waits with jittered back-off, opens a new session and sends again what the outbox kept. Only refusals that would come
// again unchanged (see HOPELESS) end it. Status, told to `tell.status`:
//
//   {phase: "connecting" | "live" | "waiting" | "closing" | "closed", failure: {code, message} | null, retryIn: seconds}

import * as protocol from "./protocol.js";

/** What a close code says where no error event came before it; all others say that the server is away. */
const CLOSES = {
  1001: "going_away",
  1003: "bad_start",
  1008: "protocol_violation",
  1009: "message_too_big",
  1012: "going_away",
  1013: "no_node",
  4400: "bad_start",
  4408: "idle",
  4413: "slow_reader",
};
const HOPELESS = new Set([1003, 1008, 1009, 4400]);
const FIRST_RETRY_S = 0.5;
const LONGEST_RETRY_S = 15;
const HIGH_WATER_BYTES = 256 * 1024;
const CLOSING_TRIES = 3;
const FINISH_S = 90; // what is still to come after session.close may take a while

/** Seconds to wait before attempt 0, 1, 2, …: doubling, and spread, so that not all clients come back at once. */
export function backoff(attempt, random) {
  return Math.min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** attempt) * (0.5 + random / 2);
}

export class Connection {
  #socket = null;
  #phase = "closed";
  #started = false; // session.started came on this socket
  #ended = false; // session.closed came
  #closing = false; // the page wants to end
  #said = false; // session.close was sent on this socket
  #finalize = false; // to be sent once the outbox is empty
  #attempt = 0;
  #failure = null;
  #timers = { retry: 0, pump: 0, watch: 0 };
  #heardAt = 0;
  #retryNow = () => {
    if (this.#phase === "waiting") this.#connect();
  };

  /**
   * `request` is {source, targets, speech}, `outbox` holds the audio; `tell` has status(status), event(event),
   * speech(frame), lost(). `openWithin` and `silentFor` are in seconds: how long a server may take to answer.
   */
  constructor({ url, request, outbox, tell, openWithin = 10, silentFor = 12 }) {
    Object.assign(this, { url, request, outbox, tell, openWithin, silentFor });
  }

  open() {
    window.addEventListener("online", this.#retryNow);
    this.#connect();
  }

  /** There is something new in the outbox. */
  pump() {
    if (!this.#started || this.#said) return;
    let chunk = null;
    while (this.#socket.bufferedAmount < HIGH_WATER_BYTES && (chunk = this.outbox.take()) !== null) {
      this.#socket.send(protocol.encodeAudio(chunk.number, chunk.pcm));
    }
    clearTimeout(this.#timers.pump);
    if (this.outbox.hasUnsent) {
      this.#timers.pump = setTimeout(() => this.pump(), 100);
      return;
    }
    if (this.#finalize) this.#send(protocol.utteranceFinalize());
    this.#finalize = false;
    if (this.#closing) {
      this.#said = true;
      this.#send(protocol.sessionClose());
    }
  }

  /** End the running utterance, after the audio that was given so far. */
  finalize() {
    this.#finalize = true;
    this.pump();
  }

  update(request) {
    this.request = request;
    if (this.#started && !this.#said) this.#send(protocol.sessionUpdate(request));
  }

  playing(id, seconds) {
    if (this.#started) this.#send(protocol.speechPlaying(id, seconds));
  }

  played(id) {
    if (this.#started) this.#send(protocol.speechPlayed(id));
  }

  /** No more audio comes: send the rest, wait for the results, then be closed. */
  close() {
    this.#closing = true;
    this.#attempt = 0;
    if (!this.#started && this.outbox.kept === 0) return this.abandon();
    if (this.#phase === "waiting") this.#connect();
    else if (this.#phase !== "closed") this.#status("closing");
    this.pump();
  }

  /** Leave at once. */
  abandon(failure = null) {
    const socket = this.#detach();
    this.#failure = failure;
    socket?.close();
    this.#over();
  }

  #connect() {
    clearTimeout(this.#timers.retry);
    this.#failure = null;
    this.#ended = this.#said = false;
    this.#status(this.#closing ? "closing" : "connecting");
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#heardAt = performance.now();
    socket.onopen = () => socket.send(protocol.sessionStart(this.request, this.outbox.rate));
    socket.onmessage = ({ data }) => this.#heard(data);
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
    this.#timers.watch = setInterval(() => this.#watch(), 500);
  }

  #heard(data) {
    this.#heardAt = performance.now();
    if (typeof data !== "string") {
      const frame = protocol.decodeSpeech(data);
      if (frame !== null) this.tell.speech(frame);
      return;
    }
    const event = protocol.decodeEvent(data);
    if (event === null) return;
    if (event.type === "session.started") {
      this.outbox.restart(event.next_chunk);
      this.#started = true;
    }
    if (event.type === "audio.ack") {
      this.outbox.ack(event.chunk);
      this.#attempt = 0; // this server does take audio
    }
    if (event.type === "transcript.final" || event.type === "utterance.empty") this.outbox.settle(event.end);
    if (event.type === "error" && !event.utterance) this.#failure = event;
    this.tell.event(event);
    if (event.type === "session.started") {
      this.#status(this.#closing ? "closing" : "live");
      this.pump();
    }
    if (event.type === "session.closed") {
      this.#ended = true;
      this.#socket?.close();
    }
  }

  /** A socket can die without a word. While audio goes out, the server says something about once a second. */
  #watch() {
    const patience = this.#said ? FINISH_S : this.#started ? this.silentFor : this.openWithin;
    const owed = !this.#started || this.#said || this.outbox.unacknowledged > 0;
    if (owed && performance.now() - this.#heardAt > patience * 1000) {
      const socket = this.#socket;
      this.#lost(1006, "");
      socket.close();
    }
  }

  #detach() {
    const socket = this.#socket;
    clearInterval(this.#timers.watch);
    clearTimeout(this.#timers.pump);
    clearTimeout(this.#timers.retry);
    if (socket !== null) socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = null;
    this.#started = false;
    return socket;
  }

  #lost(code, reason) {
    const ended = this.#ended;
    const served = this.#started;
    this.#detach();
    const known = CLOSES[code];
    if (known === undefined) this.#failure = { code: "server_away", message: reason };
    else this.#failure ??= { code: known, message: reason };
    if (ended) {
      this.#failure = null;
      return this.#over();
    }
    if (served) this.tell.lost();
    if (HOPELESS.has(code)) return this.#over();
    if (this.#closing && (this.outbox.kept === 0 || this.#attempt >= CLOSING_TRIES)) return this.#over();
    const wait = backoff(this.#attempt + (code === 1013 ? 2 : 0), Math.random());
    this.#attempt += 1;
    this.#timers.retry = setTimeout(() => this.#connect(), wait * 1000);
    this.#status("waiting", wait);
  }

  #over() {
    window.removeEventListener("online", this.#retryNow);
    this.#status("closed");
  }

  #send(text) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  #status(phase, retryIn = 0) {
    this.#phase = phase;
    this.tell.status({ phase, failure: this.#failure, retryIn });
  }
}

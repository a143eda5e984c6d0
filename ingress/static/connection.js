// The WebSocket, and what is done when it breaks.
//
// A connection is wanted from `open` until `close` has been answered. In between it may be lost any number of times: it
// waits with jittered back-off, comes back to its session where the bookmark says, and sends again what the outbox kept.
// A session that the server no longer knows is followed by a new one. Only refusals that would come again unchanged (see
// HOPELESS) end it. Status, told to `tell.status`; "waiting" is from a loss until the session goes on:
//
//   {phase: "connecting" | "live" | "waiting" | "closing" | "closed", failure: {code, message} | null}

import { Bookmark, Others } from "./bookmark.js";
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
  4401: "invalid_api_key",
  4404: "session_unknown",
  4408: "idle",
  4413: "slow_reader",
};
const HOPELESS = new Set([1003, 1008, 1009, 4400, 4401]);
const GOING_AWAY = 1012;
const TRY_LATER = 1013;
const FIRST_RETRY_S = 0.2;
const LONGEST_RETRY_S = 5;
const SAMPLES_PER_S = 16_000; // of session.resumed
const SPREAD = 0.25; // of the time after which a server wants to be asked again
const HIGH_WATER_BYTES = 256 * 1024;
const CLOSING_TRIES = 10; // about half a minute

/** Seconds to wait before attempt 0, 1, 2, …: doubling, and spread, so that not all clients come back at once. */
export function backoff(attempt, random) {
  return Math.min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** attempt) * (0.5 + random / 2);
}

const patient = (attempt) => backoff(attempt, Math.random());

export class Connection {
  #socket = null;
  #phase = "closed";
  #bookmark = null; // once there is a session
  #others = new Others(); // in a room
  #pass = ""; // a listener's, to be the same member again
  #agreed = ""; // the languages that the server works with, as JSON
  #started = false; // session.started or session.resumed came on this socket
  #waits = false; // there is no room for a session yet
  #ended = false; // session.closed came on this socket: after a return it may have ended meanwhile
  #closing = false; // the page wants to end
  #opened = false; // this socket was
  #said = false; // session.close was sent on this socket
  #finalize = false; // to be sent once the outbox is empty
  #playback = null; // the last that was to be said of it while there was no connection
  #attempt = 0;
  #failure = null;
  #timers = { retry: 0, pump: 0, watch: 0 };
  #heardAt = 0;
  #retryNow = () => {
    if (this.#phase === "waiting" && this.#socket === null) this.#connect();
  };

  /**
   * `request` is {source, targets, speech, live, between, room, listens}: a place in a room or none, and whether that is
   * all, without a microphone. `protocols` show the server a key, if it wants one. `outbox` holds the audio; `tell` has
   * status(status), event(event), speech(frame), lost() when the session is no more and another will be opened, and
   * unopened() when there was no connection at all, of which a page is not told why. `openWithin` and `silentFor` are in
   * seconds: how long a server may take to answer. `retry(attempt)` is how long to wait, in seconds.
   */
  constructor({ url, protocols = [], request, outbox, tell, openWithin = 10, silentFor = 6, retry = patient }) {
    Object.assign(this, { url, protocols, request, outbox, tell, openWithin, silentFor, retry });
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
    const former = this.request;
    this.request = request;
    if (former.room?.language !== request.room?.language) this.#others.startAgain();
    if (!this.#started || this.#said) return;
    if (!request.listens) this.#send(protocol.sessionUpdate(request));
    if (request.room) this.#send(protocol.roomUpdate(request.room));
  }

  playing(id, seconds) {
    this.#playback = protocol.speechPlaying(id, seconds);
    this.#sayPlayback();
  }

  played(id) {
    this.#playback = protocol.speechPlayed(id);
    this.#sayPlayback();
  }

  /** Whether there is no room for a session yet: what is said meanwhile is for nobody. */
  get isInLine() {
    return this.#waits && !this.#started && this.#bookmark === null;
  }

  /** The server has no room, and wants to be asked again after so many seconds. */
  postpone(failure, seconds) {
    if (this.#phase !== "waiting" || this.#socket !== null) return;
    clearTimeout(this.#timers.retry);
    const wait = seconds * (1 + SPREAD * Math.random());
    this.#timers.retry = setTimeout(() => this.#connect(), wait * 1000);
    this.#queue();
    this.#failure = { ...failure, seconds: wait };
    this.#status("waiting");
  }

  #queue() {
    this.#waits = true;
    if (this.isInLine) this.outbox.clear();
  }

  /** No more audio comes: send the rest, wait for the results, then be closed. */
  close() {
    this.#closing = true;
    this.#attempt = 0;
    if (!this.#started && !this.#isOwed) return this.abandon();
    if (this.#socket === null && this.#phase === "waiting") this.#connect();
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
    this.#status(this.#closing ? "closing" : this.#attempt === 0 ? "connecting" : "waiting");
    const socket = new WebSocket(this.#address(), this.protocols);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#heardAt = performance.now();
    this.#opened = false;
    socket.onopen = () => {
      this.#opened = true;
      socket.send(this.#opening());
    };
    socket.onmessage = ({ data }) => this.#heard(data);
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
    this.#timers.watch = setInterval(() => this.#watch(), 500);
  }

  /** Who does not come for a new session says so: it is let in where there is no room for others. */
  #address() {
    const address = new URL(this.url);
    if (this.request.listens) address.search = "join";
    else if (this.#bookmark !== null) address.search = "resume";
    return address;
  }

  #opening() {
    const room = this.request.room ? { ...this.request.room, have: this.#others.have } : undefined;
    if (this.request.listens) return protocol.roomJoin(room, this.#pass);
    if (this.#bookmark === null) return protocol.sessionStart({ ...this.request, room }, this.outbox.rate);
    return protocol.sessionResume(this.#bookmark.place, this.outbox.rate, room);
  }

  #heard(data) {
    this.#heardAt = performance.now();
    if (typeof data !== "string") {
      const frame = protocol.decodeSpeech(data);
      if (frame === null) return;
      if (frame.speaker > 0) return this.#heardOther(frame);
      this.#bookmark?.hear(frame);
      this.tell.speech(frame);
      return;
    }
    const event = protocol.decodeEvent(data);
    if (event === null || event.type === "session.alive") return;
    if (event.type === "session.started") this.#bookmark ??= new Bookmark(event);
    if (this.#bookmark?.read(event) === false) return;
    switch (event.type) {
      case "session.started":
        this.#agreed = this.#languages(event);
        this.outbox.restart(event.next_chunk);
        this.tell.event(event);
        return this.#goOn();
      case "session.resumed":
        this.outbox.resume(event.next_chunk, event.samples / SAMPLES_PER_S);
        this.tell.event(event);
        return this.#goOn();
      case "session.updated":
        this.#agreed = this.#languages(event);
        break;
      case "room.joined":
        if (!this.request.listens) break;
        this.#pass = event.token;
        this.#attempt = 0;
        this.tell.event(event);
        return this.#goOn();
      case "room.members":
        this.#others.meet(event.members);
        break;
      case "room.said":
        if (!this.#others.read(event)) return;
        break;
      case "audio.ack":
        this.outbox.ack(event.chunk);
        this.#attempt = 0; // this server does take audio
        break;
      case "error":
        if (!event.utterance) this.#failure = event;
        break;
      case "queue.status":
        this.#queue();
        break;
      case "session.closed":
        this.#ended = true;
    }
    this.tell.event(event);
    if (this.#ended) this.#socket?.close();
  }

  #heardOther(frame) {
    const speaker = this.#others.speakerOf(frame);
    if (speaker !== null) this.tell.speech({ ...frame, speaker });
  }

  /** The session is open: say what there was no connection for. */
  #goOn() {
    this.#started = true;
    this.#waits = false;
    this.#status(this.#closing ? "closing" : "live");
    const isAgreed = this.request.listens || this.#languages(this.request) === this.#agreed;
    if (!isAgreed) this.#send(protocol.sessionUpdate(this.request));
    this.#sayPlayback();
    this.pump();
  }

  #sayPlayback() {
    if (!this.#started || this.#playback === null) return;
    this.#send(this.#playback);
    this.#playback = null;
  }

  /** Whether something is to come of what was said. */
  get #isOwed() {
    return this.#bookmark !== null || this.outbox.kept > 0;
  }

  /** A socket can die without a word. A server that lives says something each 2.5 seconds. */
  #watch() {
    const patience = this.#started ? this.silentFor : this.openWithin;
    if (performance.now() - this.#heardAt > patience * 1000) {
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
    const hasLeft = this.request.listens && this.#said;
    const isDone = hasLeft || (this.#ended && (this.#started || (this.#closing && this.outbox.kept === 0)));
    const isRoomless = this.#failure?.code === "room_unknown";
    const isUnknown = !isRoomless && (CLOSES[code] ?? this.#failure?.code) === "session_unknown";
    const isHopeless = isRoomless || (HOPELESS.has(code) && this.#failure?.code !== "replaced");
    this.#detach();
    const known = CLOSES[code];
    if (known === undefined) this.#failure = { code: "server_away", message: reason };
    else this.#failure ??= { code: known, message: reason };
    if (isDone) {
      this.#failure = null;
      return this.#over();
    }
    if (isHopeless) return this.#over();
    const forgotten = this.#ended || (isUnknown && this.#bookmark !== null);
    if (forgotten) this.#forget();
    if (this.#closing && (!this.#isOwed || this.#attempt >= CLOSING_TRIES)) return this.#over();
    const atOnce = forgotten || (code === GOING_AWAY && this.#attempt === 0);
    const wait = atOnce ? 0 : this.retry(this.#attempt + (code === TRY_LATER ? 2 : 0));
    this.#attempt += 1;
    this.#timers.retry = setTimeout(() => this.#connect(), wait * 1000);
    this.#status("waiting");
    if (!this.#opened) this.tell.unopened?.();
  }

  #forget() {
    this.#bookmark = null;
    this.#playback = null;
    this.tell.lost();
  }

  #over() {
    window.removeEventListener("online", this.#retryNow);
    this.#status("closed");
  }

  /** What a session works with, or is to work with; in a room, its targets are not for the page to say. */
  #languages({ source, targets, speech, between }) {
    return this.request.room ? source : JSON.stringify({ source, targets, speech, between: between ?? [] });
  }

  #send(text) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  #status(phase) {
    this.#phase = phase;
    this.tell.status({ phase, failure: this.#failure });
  }
}


// One run, from Start to the last word: a microphone, an outbox and a connection that belong together. Who only listens in
// a room has no microphone.
//
// The app hears of everything through `tell`: phase(name), event(event), speech(frame), lost(), level(rms),
// trouble(place, code or null, message), unopened(), over(). Places: "microphone", "connection", "session", "pace", "loss",
// "line".

import { Connection } from "./connection.js";
import { MicrophoneError, open } from "./microphone.js";
import { Outbox } from "./outbox.js";
import { inLine, later } from "./words.js";

const SLOW_S = 5; // of audio without acknowledgement
const BEHIND_S = 12; // from the end of a sentence to its text
const CHECK_MS = 1000;
const CALM_S = 3; // a session that goes on after so long needs no more words than the status has
const NO_RATE = 16_000; // of a listener's outbox, in which there is nothing
const BEGINNINGS = new Set(["session.started", "session.resumed", "room.joined"]);
const CALM = new Set(["server_away", "going_away"]);

export class Run {
  #outbox = null;
  #microphone = null;
  #connection = null;
  #phase = "asking";
  #behind = false;
  #served = false; // there was a session
  #away = null; // {since, code, message} while the connection is lost
  #lost = 0; // seconds that were told as lost
  #check = 0;
  closing = false;
  silent = false; // the microphone is muted: silence is sent

  /** `protocols` show the server a key, if it wants one. */
  constructor(request, protocols, tell) {
    this.request = request;
    this.protocols = protocols;
    this.tell = tell;
  }

  async start() {
    if (!this.request.listens && !(await this.#openMicrophone())) return this.#over();
    if (this.closing) return this.#over();
    this.#outbox = new Outbox(this.#microphone?.rate ?? NO_RATE);
    this.#connection = new Connection({
      url: new URL("/v1/stream", location.href.replace(/^http/, "ws")),
      protocols: this.protocols,
      request: this.request,
      outbox: this.#outbox,
      tell: {
        status: (status) => this.#status(status),
        event: (event) => this.#event(event),
        speech: (frame) => this.tell.speech(frame),
        unopened: () => this.tell.unopened(),
        lost: () => {
          this.tell.trouble("session", "session_unknown");
          this.tell.lost();
        },
      },
    });
    this.#connection.open();
    this.#check = setInterval(() => this.#pace(), CHECK_MS);
  }

  async #openMicrophone() {
    this.tell.phase("asking");
    try {
      this.#microphone = await open({
        onChunk: (pcm) => this.#chunk(pcm),
        onLevel: (level) => this.tell.level(level),
        onLost: () => {
          this.tell.trouble("microphone", "microphone_lost");
          void this.stop();
        },
      });
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      this.tell.trouble("microphone", error.code);
      return false;
    }
    return true;
  }

  /** Say the last of it and wait for the results; when asked again, leave at once. */
  async stop() {
    if (this.closing) return this.#connection?.abandon();
    this.closing = true;
    if (this.#connection === null) return; // the microphone is still being asked for: `start` sees `closing`
    await this.#microphone?.flush();
    this.#microphone?.close();
    this.#connection.close();
  }

  /** The server lets nobody in with this key. */
  refused() {
    this.#connection?.abandon({ code: "invalid_api_key", message: "" });
  }

  /** The server has no room: {code, message, seconds}, or null where that is not why. */
  postpone(refusal) {
    if (refusal !== null) this.#connection?.postpone(refusal, refusal.seconds);
  }

  async finalize() {
    if (this.#phase !== "live" || this.request.listens) return;
    await this.#microphone.flush();
    this.#connection.finalize();
  }

  update(request) {
    this.request = request;
    this.#connection?.update(request);
  }

  playing(id, seconds) {
    this.#connection?.playing(id, seconds);
  }

  played(id) {
    this.#connection?.played(id);
  }

  #chunk(pcm) {
    if (this.#outbox === null || this.#connection.isInLine) return;
    if (this.silent) pcm.fill(0);
    this.#outbox.push(pcm);
    this.#connection.pump();
  }

  #event(event) {
    if (event.type === "queue.status") {
      this.#away = null;
      this.tell.trouble("connection", null);
      return this.tell.trouble("line", "in_line", inLine(event));
    }
    if (BEGINNINGS.has(event.type)) {
      this.#served = true;
      this.#away = null;
      this.tell.trouble("connection", null);
      this.tell.trouble("line", null);
    }
    if (event.type === "session.started") {
      event = { ...event, at: Date.now() - this.#outbox.kept * 1000 };
    } else if (event.type === "transcript.final") {
      this.#behind = this.#outbox.position - event.end > BEHIND_S;
    } else if (event.type === "session.closed" && !this.closing) {
      this.tell.trouble("connection", "ended_by_server", event.reason);
    }
    this.tell.event(event);
  }

  #status({ phase, failure }) {
    this.#phase = phase;
    if (phase === "waiting") this.tell.trouble("line", null);
    if (phase === "waiting" && failure !== null) this.#away = { since: performance.now(), ...this.#away, ...failure };
    if (this.#away !== null && failure?.seconds > 0) {
      Object.assign(this.#away, { code: "postponed", message: later(failure.seconds) });
    }
    this.#sayAway();
    if (phase !== "closed") return this.tell.phase(this.closing ? "closing" : phase);
    if (failure !== null) {
      const code = this.closing ? "last_words_lost" : failure.code;
      this.tell.trouble("connection", code, failure.message);
    } else if (this.closing) this.tell.trouble("connection", null);
    this.#over();
  }

  #sayAway() {
    if (this.#away === null) return;
    const { since, code, message } = this.#away;
    const isCalm = this.#served && CALM.has(code) && performance.now() - since < CALM_S * 1000;
    if (!isCalm) this.tell.trouble("connection", code, message);
  }

  #pace() {
    const slow = this.#phase === "live" && this.#outbox.kept > SLOW_S;
    this.tell.trouble("pace", slow ? "slow_connection" : this.#behind ? "server_behind" : null);
    this.#sayAway();
    if (this.#outbox.lost > this.#lost) this.tell.trouble("loss", "audio_lost");
    this.#lost = this.#outbox.lost;
  }

  #over() {
    clearInterval(this.#check);
    this.tell.trouble("pace", null);
    this.tell.trouble("line", null);
    this.#microphone?.close();
    this.tell.over();
  }
}

// One run, from Start to the last word: a microphone, an outbox and a connection that belong together.
//
// The app hears of everything through `tell`: phase(name, seconds), event(event), speech(frame), lost(), level(rms),
// trouble(place, code or null, message), over(). Places: "microphone", "connection", "pace", "loss".

import { Connection } from "./connection.js";
import { MicrophoneError, open } from "./microphone.js";
import { Outbox } from "./outbox.js";

const SLOW_S = 5; // of audio without acknowledgement
const BEHIND_S = 12; // from the end of a sentence to its text
const CHECK_MS = 1000;

export class Run {
  #outbox = null;
  #microphone = null;
  #connection = null;
  #phase = "asking";
  #behind = false;
  #check = 0;
  closing = false;

  constructor(request, tell) {
    this.request = request;
    this.tell = tell;
  }

  async start() {
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
      return this.#over();
    }
    if (this.closing) return this.#over();
    this.#outbox = new Outbox(this.#microphone.rate);
    this.#connection = new Connection({
      url: new URL("/v1/stream", location.href.replace(/^http/, "ws")),
      request: this.request,
      outbox: this.#outbox,
      tell: {
        status: (status) => this.#status(status),
        event: (event) => this.#event(event),
        speech: (frame) => this.tell.speech(frame),
        lost: () => this.tell.lost(),
      },
    });
    this.#connection.open();
    this.#check = setInterval(() => this.#pace(), CHECK_MS);
  }

  /** Say the last of it and wait for the results; when asked again, leave at once. */
  async stop() {
    if (this.closing) return this.#connection?.abandon();
    this.closing = true;
    if (this.#connection === null) return; // the microphone is still being asked for: `start` sees `closing`
    await this.#microphone.flush();
    this.#microphone.close();
    this.#connection.close();
  }

  async finalize() {
    if (this.#phase !== "live") return;
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
    if (this.#outbox === null) return;
    this.#outbox.push(pcm);
    this.#connection.pump();
  }

  #event(event) {
    if (event.type === "session.started") {
      event = { ...event, at: Date.now() - this.#outbox.kept * 1000 };
    } else if (event.type === "transcript.final") {
      this.#behind = this.#outbox.position - event.end > BEHIND_S;
    } else if (event.type === "session.closed" && !this.closing) {
      this.tell.trouble("connection", "ended_by_server", event.reason);
    }
    this.tell.event(event);
  }

  #status({ phase, failure, retryIn }) {
    this.#phase = phase;
    if (phase === "live") this.tell.trouble("connection", null);
    if (phase === "waiting" && failure !== null) this.tell.trouble("connection", failure.code, failure.message);
    if (phase !== "closed") return this.tell.phase(this.closing ? "closing" : phase, retryIn);
    if (failure !== null) {
      const code = this.closing ? "last_words_lost" : failure.code;
      this.tell.trouble("connection", code, failure.message);
    } else if (this.closing) this.tell.trouble("connection", null);
    this.#over();
  }

  #pace() {
    const slow = this.#phase === "live" && this.#outbox.unacknowledged > SLOW_S;
    this.tell.trouble("pace", slow ? "slow_connection" : this.#behind ? "server_behind" : null);
    if (this.#outbox.lost > 0) this.tell.trouble("loss", "audio_lost");
  }

  #over() {
    clearInterval(this.#check);
    this.tell.trouble("pace", null);
    this.#microphone?.close();
    this.tell.over();
  }
}

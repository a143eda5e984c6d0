// Where the dashboard's figures come from, and where its actions go. Pages' own EventSource sends no key, so the events
// are read with `fetch`. The key is kept until the tab is closed, and nowhere else.

const NAME = "dragoman.admin";
const SILENT_MS = 15_000;
const LONGEST_PAUSE_MS = 10_000;

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Events out of the text of a stream; what is not whole yet is given back. */
export function eventsIn(text) {
  const blocks = text.split("\n\n");
  const rest = blocks.pop();
  const events = [];
  for (const block of blocks) {
    const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field("data");
    if (data !== undefined) events.push({ type: field("event") ?? "message", data: JSON.parse(data) });
  }
  return { events, rest };
}

export class Source {
  #key = sessionStorage.getItem(NAME) ?? "";
  #waiting = null;

  /** `heard({type, data})` for each event; `changed("live" | "lost" | "closed", message)`: closed is without a key. */
  constructor(heard, changed) {
    this.heard = heard;
    this.changed = changed;
  }

  get hasKey() {
    return this.#key !== "";
  }

  use(key) {
    this.#key = key;
    if (key === "") sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, key);
    this.#waiting?.();
  }

  /** The answer's JSON, or null where it has none. Raises Refused, or TypeError while nobody answers. */
  async ask(path, method = "GET") {
    const answer = await this.#fetch(path, { method });
    return answer.status === 204 ? null : await answer.json();
  }

  async #fetch(path, options = {}) {
    const headers = this.#key === "" ? {} : { Authorization: `Bearer ${this.#key}` };
    const answer = await fetch(`/v1/admin/${path}`, { cache: "no-store", ...options, headers });
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, told.error?.message ?? `the server answered ${answer.status}`);
  }

  /** For ever: whatever breaks is tried again; without a good key it waits for `use`. */
  async run() {
    for (let pause = 500; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        await this.#listen(() => (pause = 500));
        this.changed("lost", "");
      } catch (error) {
        if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
          this.changed("closed", error.status === 403 ? error.message : this.hasKey ? error.message : "");
          await new Promise((resolve) => (this.#waiting = resolve));
          pause = 250;
          continue;
        }
        this.changed("lost", error instanceof Refused ? error.message : "");
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #listen(alive) {
    const abort = new AbortController();
    let watch = setTimeout(() => abort.abort(), SILENT_MS);
    try {
      const answer = await this.#fetch("events", { signal: abort.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(watch);
        watch = setTimeout(() => abort.abort(), SILENT_MS);
        const { events, rest } = eventsIn(text + value);
        text = rest;
        for (const event of events) {
          if (event.type === "state") {
            alive();
            this.changed("live", "");
          }
          this.heard(event);
        }
      }
    } finally {
      clearTimeout(watch);
    }
  }
}

// The key that a server may ask for. It is asked for once, and kept until the tab is closed or, if the reader wants that,
// on this device. Who comes by an invite to a room shows the invite instead, and needs no key: it stands in the part of a
// link that browsers keep to themselves.

const byId = (id) => document.getElementById(id);
const NAME = "dragoman.key";
const PREFIX = "dragoman.key.";
const PROTOCOL = "dragoman";

const WRONG = "This key is not known here, or is not valid any more.";
const EXPIRED = "This invitation has expired: ask for a new link. Or come in with a key.";
const SILENT = "The server does not answer. Try again in a moment.";

export class Door {
  #key = recalled();
  invite = "";

  /** `entered()` is called when a key was given that the server takes. */
  constructor(entered) {
    this.entered = entered;
    byId("door-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit(byId("door-key").value.trim(), byId("door-remember").checked);
    });
  }

  get hasKey() {
    return this.#key !== "";
  }

  /** For a WebSocket, which takes no headers from pages. */
  get protocols() {
    const shown = this.invite || this.#key;
    return shown === "" ? [] : [PROTOCOL, PREFIX + shown];
  }

  /** As the browser's own; a server that wants another key answers with 401, and the reader is asked. */
  async fetch(path, options = {}) {
    const answer = await request(path, this.invite || this.#key, options);
    if (answer.status === 401) this.ask();
    return answer;
  }

  /** Whether the server lets nobody in with what there is; the reader is asked then. */
  async isClosed() {
    try {
      return (await this.fetch("/v1/info")).status === 401;
    } catch {
      return false;
    }
  }

  /** Where a WebSocket was not opened, a page is not told why. {code, message, seconds}: there is no room, and when to
   *  ask again; null: it is something else. */
  async refusal() {
    try {
      const answer = await this.fetch("/v1/stream");
      const seconds = Number(answer.headers.get("Retry-After"));
      if (answer.status !== 503 || !(seconds > 0)) return null;
      const { code, message } = (await answer.json()).error;
      return { code, message, seconds };
    } catch {
      return null;
    }
  }

  ask() {
    if (byId("door").open) return;
    byId("door-trouble").textContent = this.invite !== "" ? EXPIRED : this.hasKey ? WRONG : "";
    byId("door").showModal();
    byId("door-key").focus();
  }

  async #submit(key, isForGood) {
    byId("door-trouble").textContent = key === "" ? "The key is missing." : "";
    if (key === "") return;
    try {
      const answer = await request("/v1/info", key);
      if (answer.status === 401) return this.#complain(WRONG);
    } catch {
      return this.#complain(SILENT);
    }
    this.#key = key;
    this.invite = "";
    keep(key, isForGood);
    byId("door-key").value = "";
    byId("door").close();
    this.entered();
  }

  #complain(trouble) {
    byId("door-trouble").textContent = trouble;
    byId("door-key").select();
  }
}

function request(path, key, options = {}) {
  const headers = { ...options.headers, ...(key === "" ? {} : { Authorization: `Bearer ${key}` }) };
  return fetch(path, { cache: "no-store", ...options, headers });
}

/** Storage can be forbidden or full: then the key is asked for again the next time. */
function recalled() {
  try {
    return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

function keep(key, isForGood) {
  try {
    sessionStorage.setItem(NAME, key);
    if (isForGood) localStorage.setItem(NAME, key);
    else localStorage.removeItem(NAME);
  } catch {
    // it is a convenience only
  }
}

// The way into a room: who the reader is, which languages are theirs, and which room it is. What was chosen once is there
// the next time.

import { AUTO, readable } from "./choices.js";
import { named, options } from "./controls.js";
import { codeIn, inviteIn, spelled, tidy } from "./room.js";

const byId = (id) => document.getElementById(id);
const CODE_LENGTH = 8;

export class Lobby {
  #info = null;

  /** `does` has join({code, invite, name, source, language, listens}) and create(), which gives {code, invite} or throws. */
  constructor(does, remembered) {
    this.does = does;
    this.mine = {
      name: text(remembered?.name),
      source: text(remembered?.source) || AUTO,
      language: text(remembered?.language) || navigator.language.slice(0, 2),
      listens: remembered?.listens === true,
    };
    byId("my-name").value = this.mine.name;
    byId("listens").checked = this.mine.listens;
    byId("lobby-open").addEventListener("click", () => this.open());
    byId("lobby-close").addEventListener("click", () => byId("lobby").close());
    byId("lobby-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit(event.submitter?.id === "create");
    });
    byId("listens").addEventListener("change", () => this.#draw());
    this.#draw();
  }

  /** What the fleet serves. */
  learn(info) {
    this.#info = info;
    this.#draw();
  }

  open(code = "") {
    this.say("");
    if (code !== "") byId("room-code").value = spelled(code);
    if (!byId("lobby").open) byId("lobby").showModal();
    (byId("my-name").value === "" ? byId("my-name") : byId("room-code")).focus();
  }

  say(trouble) {
    byId("lobby-trouble").textContent = trouble;
  }

  async #submit(isNew) {
    const name = byId("my-name").value.trim();
    const code = tidy(byId("room-code").value);
    if (name === "") return this.#miss("my-name", "Your name is missing: the others see it beside your words.");
    if (!isNew && code.length !== CODE_LENGTH) {
      return this.#miss("room-code", `A code has ${CODE_LENGTH} letters and digits. Without one, start a new room.`);
    }
    const { value: source } = byId("my-source");
    const { value: language } = byId("my-language");
    this.mine = { name, source, language, listens: byId("listens").checked };
    try {
      const room = isNew ? await this.does.create() : { code, invite: this.#inviteFor(code) };
      byId("lobby").close();
      this.does.join({ ...this.mine, ...room });
    } catch {
      this.say("The room could not be made: the server does not answer. Try again in a moment.");
    }
  }

  /** It comes in the link, which was pasted or followed. */
  #inviteFor(code) {
    return inviteIn(byId("room-code").value) || (codeIn(location.hash) === code ? inviteIn(location.hash) : "");
  }

  #miss(id, trouble) {
    this.say(trouble);
    byId(id).focus();
  }

  #draw() {
    const info = this.#info ?? { sources: [], targets: {} };
    const known = (codes, code) => (code === AUTO || codes.includes(code) ? codes : [...codes, code]);
    const source = byId("my-source").value || this.mine.source;
    const language = byId("my-language").value || this.mine.language;
    options(byId("my-source"), [[AUTO, "Detect language"], ...named(known(info.sources, source))], source);
    options(byId("my-language"), named(known(readable(info), language)), language);
    byId("my-source").disabled = byId("listens").checked;
  }
}

const text = (value) => (typeof value === "string" ? value : "");

// The controls around the captions: draws what the app knows, says what the reader does. No decisions are made here.

import { AUTO, canBeBetween, languageName, targetsFor } from "./choices.js";
import { phaseName } from "./words.js";

const byId = (id) => document.getElementById(id);

const START_LABELS = { ready: "Start", closing: "Leave now" };
const PRIORITY = ["bad", "wait", "note"];

export class Controls {
  #notices = new Map(); // place -> words
  #speaks = true;

  /** `does` has start(), finalize(), choose(change), mute(), volume(0..1), speed(x), skip(), copy(), save(),
   * hush(). */
  constructor(does) {
    const pressed = { start: does.start, finalize: does.finalize, mute: does.mute, skip: does.skip };
    Object.assign(pressed, { copy: does.copy, save: does.save, hush: does.hush });
    for (const [id, act] of Object.entries(pressed)) byId(id).addEventListener("click", () => act());
    byId("source").addEventListener("change", ({ target }) => does.choose({ source: target.value }));
    byId("target").addEventListener("change", ({ target }) => does.choose({ target: target.value }));
    byId("between").addEventListener("click", () => does.choose({ between: !isPressed(byId("between")) }));
    byId("mode").addEventListener("change", ({ target }) => does.choose({ mode: target.value }));
    byId("volume").addEventListener("input", ({ target }) => does.volume(target.valueAsNumber / 100));
    byId("speed").addEventListener("change", ({ target }) => does.speed(Number(target.value)));
    byId("notice-close").addEventListener("click", () => {
      this.#notices.clear();
      this.#drawNotice();
    });
  }

  /** "ready", "asking", or a phase of the connection. */
  phase(name) {
    byId("status").dataset.phase = name;
    byId("status-text").textContent = phaseName(name);
    document.body.dataset.phase = name;
    document.title = name === "live" ? "Listening – Dragoman" : "Dragoman";
    byId("start-text").textContent = START_LABELS[name] ?? "Stop";
    byId("finalize").disabled = name !== "live";
    if (name === "ready" || name === "closing") this.level(0);
  }

  /** Loudness of the microphone, RMS 0..1, drawn over 60 dB. */
  level(rms) {
    const shown = Math.max(0, Math.min(1, (20 * Math.log10(rms + 1e-6) + 60) / 60));
    const meter = byId("meter");
    meter.style.setProperty("--level", shown.toFixed(3));
    meter.setAttribute("aria-valuenow", String(Math.round(shown * 100)));
  }

  choices({ source, target, mode, between = false }, info) {
    const known = source === AUTO || info.sources.includes(source) ? info.sources : [...info.sources, source];
    const targets = targetsFor(source, info);
    const reachable = target === "" || targets.includes(target) ? targets : [...targets, target];
    options(byId("source"), [[AUTO, "Detect language"], ...named(known)], source);
    options(byId("target"), [["", "No translation"], ...named(reachable)], target);
    byId("between").setAttribute("aria-pressed", String(between));
    byId("between").disabled = !canBeBetween({ source, target }, info);
    byId("source-label").textContent = between ? "One language" : "Spoken";
    byId("target-label").textContent = between ? "The other" : "Translated into";
    for (const radio of byId("mode").querySelectorAll("input")) {
      radio.checked = radio.value === mode;
      radio.disabled = radio.value !== "original" && reachable.length === 0;
    }
    this.#speaks = mode === "speech";
    this.#drawSpeech();
    byId("head-target").hidden = target === "";
    byId("head-target").textContent = between ? "In the other language" : target === "" ? "" : languageName(target).english;
    byId("heads").classList.toggle("bilingual", target !== "");
  }

  /** The head over the originals: the language chosen, or the one that was heard last. */
  heard({ source, between }, last) {
    const language = between ? "" : source === AUTO ? last : source;
    byId("head-source").textContent = language === "" ? "As spoken" : languageName(language).english;
  }

  speech({ muted, volume, speed }) {
    this.#drawSpeech();
    byId("mute").setAttribute("aria-pressed", String(muted));
    byId("volume").value = String(Math.round(volume * 100));
    byId("volume").setAttribute("aria-valuetext", muted ? "muted" : `${Math.round(volume * 100)} percent`);
    byId("speed").value = String(speed);
  }

  /** In a room there are always voices, and the microphone can be muted: whether it can, and whether it is. */
  microphone(canBeMuted, isMuted) {
    byId("hush").hidden = !canBeMuted;
    byId("hush").setAttribute("aria-pressed", String(isMuted));
  }

  #drawSpeech() {
    byId("speech").hidden = !this.#speaks && !document.body.dataset.room;
  }

  /** Whether there is anything to copy, and whether to greet. */
  captions(count, finished) {
    byId("welcome").hidden = count > 0;
    byId("heads").hidden = count === 0;
    byId("copy").disabled = byId("save").disabled = finished === 0;
  }

  /** Show what words.js says about a failure of `place` until it is taken back with null. The worst is shown. */
  say(place, failure) {
    const said = this.#notices.get(place);
    if (failure === null ? !this.#notices.delete(place) : said?.code === failure.code && said.title === failure.title) return;
    if (failure !== null) this.#notices.set(place, failure);
    this.#drawNotice();
  }

  /** A word beside a button that did something which cannot be seen. */
  done(text) {
    byId("done").textContent = text;
    setTimeout(() => {
      if (byId("done").textContent === text) byId("done").textContent = "";
    }, 2500);
  }

  #drawNotice() {
    const rank = ({ tone }) => PRIORITY.indexOf(tone);
    const worst = [...this.#notices.values()].sort((a, b) => rank(a) - rank(b))[0];
    const notice = byId("notice");
    notice.hidden = worst === undefined;
    if (worst === undefined) return;
    notice.dataset.tone = worst.tone;
    notice.setAttribute("role", worst.tone === "bad" ? "alert" : "status"); // what mends itself interrupts nobody
    notice.dataset.code = worst.code;
    byId("notice-title").textContent = worst.title;
    byId("notice-hint").textContent = worst.hint;
  }
}

const isPressed = (button) => button.getAttribute("aria-pressed") === "true";

const label = ({ code, english, own }) => [code, own === english || own === code ? english : `${english} – ${own}`];

/** Languages as options of a list, by their English names: [[code, text]]. */
export const named = (codes) =>
  codes
    .map((code) => ({ code, ...languageName(code) }))
    .sort((a, b) => a.english.localeCompare(b.english))
    .map(label);

export function options(select, wanted, value) {
  const now = JSON.stringify(wanted);
  if (select.dataset.options !== now) {
    select.dataset.options = now;
    select.replaceChildren(...wanted.map(([code, text]) => new Option(text, code)));
  }
  select.value = value;
}

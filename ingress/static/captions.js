// The captions on the page: draws what changed, keeps the newest in view, and leaves the reader alone who scrolled up.

import { key } from "./state.js";
import { sentenceAt, sentences } from "./transcript.js";
import { missing } from "./words.js";

const NEAR_PX = 80;

export class Captions {
  #drawn = new Map(); // key -> {caption, row}
  #following = true;
  #top = 0; // where the list stood last

  /** `scroller` holds `list` (an <ol>); `jump` is the button that goes back to the newest. */
  constructor({ scroller, list, jump, announcer, timeOf }) {
    Object.assign(this, { scroller, list, jump, announcer, timeOf });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.toNow());
    new ResizeObserver(() => this.#follow()).observe(list);
    new ResizeObserver(() => this.#follow()).observe(scroller);
  }

  draw(captions) {
    const wanted = new Set(captions.map((each) => each.key));
    for (const [name, { row }] of this.#drawn) {
      if (wanted.has(name)) continue;
      row.remove();
      this.#drawn.delete(name);
    }
    let before = null;
    for (const caption of captions) {
      const drawn = this.#drawn.get(caption.key);
      if (drawn?.caption !== caption) this.#drawOne(caption, drawn, before);
      before = this.#drawn.get(caption.key).row;
    }
    this.#follow();
  }

  /** Mark the sentence that is being spoken, `position` seconds into speech of `seconds`. */
  spoken({ session, utterance }, position, seconds) {
    const parts = this.#drawn.get(key(session, utterance))?.row.querySelectorAll(".translation .sentence") ?? [];
    if (parts.length === 0) return;
    const texts = Array.from(parts, (each) => each.textContent);
    const now = sentenceAt(texts, position, seconds);
    parts.forEach((part, index) => part.classList.toggle("now", index === now));
  }

  toNow() {
    this.#top = this.scroller.scrollTop;
    this.#following = true;
    this.#follow();
  }

  #drawOne(caption, drawn, before) {
    const row = fill(drawn?.row ?? document.createElement("li"), caption, this.timeOf);
    if (drawn === undefined) {
      if (before === null) this.list.prepend(row);
      else before.after(row);
    }
    this.#announce(caption, drawn?.caption);
    this.#drawn.set(caption.key, { caption, row });
  }

  /** Finished text is told to screen readers once: the translation where there is one, else the original. */
  #announce(caption, former) {
    const text = told(caption);
    if (caption.told || caption.who === "self" || text === "" || (former !== undefined && text === told(former))) return;
    const line = document.createElement("p");
    line.lang = caption.translation?.target ?? caption.language;
    line.textContent = caption.name === "" ? text : `${caption.name}: ${text}`;
    this.announcer.append(line);
    while (this.announcer.childElementCount > 4) this.announcer.firstElementChild.remove();
  }

  #scrolled() {
    this.#notice();
    this.jump.hidden = this.#following;
  }

  /** Only a movement upwards is the reader's: captions may have come between our own scrolling and this moment. */
  #notice() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollHeight - scrollTop - clientHeight < NEAR_PX) this.#following = true;
    else if (scrollTop < this.#top) this.#following = false;
    this.#top = scrollTop;
  }

  #follow() {
    this.#notice(); // a movement whose event is still to come
    if (this.#following) {
      this.scroller.scrollTop = this.scroller.scrollHeight;
      this.#top = this.scroller.scrollTop;
    }
    this.jump.hidden = this.#following;
  }
}

function told({ phase, text, translation }) {
  if (phase !== "final") return "";
  if (translation === null || translation.phase === "failed") return text;
  return translation.text; // nothing before it is final
}

/** Make `row` show `caption`. */
function fill(row, caption, timeOf) {
  row.className = `caption ${caption.phase}`;
  row.dataset.key = caption.key;
  row.classList.toggle("bilingual", caption.translation !== null);
  row.classList.toggle("speaking", caption.speaking);
  row.classList.toggle("self", caption.who === "self");
  row.classList.toggle("other", caption.who === "other");
  if (caption.speaking) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
  const words = [original(caption)];
  const isWorthShowing = caption.phase === "final" || caption.translation?.phase === "partial";
  if (caption.translation !== null && isWorthShowing) words.push(translation(caption.translation));
  if (caption.who === "other") {
    words.reverse(); // the reader's language first
    words.unshift(make("p", "who", caption.name));
  } else if (caption.who === "self") words.unshift(make("p", "who", "You"));
  row.replaceChildren(margin(caption, timeOf), ...words);
  return row;
}

function margin({ phase, at, language }, timeOf) {
  const aside = make("span", "margin");
  if (phase === "final") {
    const time = make("time", "", timeOf(at));
    time.dateTime = new Date(at).toISOString();
    aside.append(time, make("span", "code", language));
  } else if (phase === "partial") {
    aside.append(make("span", "live", "now"));
  }
  return aside;
}

function original({ who, phase, text, language, committed, tentative, code, translation }) {
  const p = make("p", "original");
  p.dir = "auto";
  if (phase === "final") {
    p.lang = language;
    p.textContent = text;
  } else if (phase === "failed") {
    if (committed === "") p.append(make("span", "missing", `This sentence ${missing(code)}.`));
    else p.append(make("span", "committed", committed), " ", make("span", "missing", `(${missing(code)})`));
  } else if (who === "other" && committed === "" && tentative === "") {
    if (translation?.phase !== "partial") p.append(make("span", "awaited", "speaking"));
  } else {
    p.append(...growing(committed, tentative));
  }
  return p;
}

/** Words that are certain, and words that may change. */
function growing(committed, tentative) {
  const certain = make("span", "committed", committed);
  if (tentative === "") return [certain];
  return [certain, committed === "" ? "" : " ", make("span", "tentative", tentative)];
}

function translation({ phase, target, text, code, unspoken, committed, tentative }) {
  const p = make("p", "translation");
  p.dir = "auto";
  if (phase === "final") {
    p.lang = target;
    for (const sentence of sentences(text, target)) p.append(make("span", "sentence", sentence.trim()), " ");
    if (unspoken !== "") p.append(make("span", "missing", `(${missing(unspoken)})`));
  } else if (phase === "partial") {
    p.lang = target;
    p.append(...growing(committed, tentative));
  } else if (phase === "waiting") {
    p.append(make("span", "awaited", "translating"));
  } else {
    p.append(make("span", "missing", missing(code)));
  }
  return p;
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

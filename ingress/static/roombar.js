// The bar of the room that the reader is in: its code, who is there and who is speaking. No decisions are made here.

import { languageName } from "./choices.js";
import { spelled } from "./room.js";

const byId = (id) => document.getElementById(id);

export class RoomBar {
  #drawn = "";

  /** `does` has link() and leave(). */
  constructor(does) {
    byId("room-link").addEventListener("click", () => does.link());
    byId("room-leave").addEventListener("click", () => does.leave());
  }

  /** `code` is "" outside of rooms; `people` as in room.js. */
  draw(code, people) {
    const now = JSON.stringify([code, people]);
    if (now === this.#drawn) return;
    this.#drawn = now;
    byId("room").hidden = code === "";
    document.body.dataset.room = code;
    byId("room-name").textContent = code === "" ? "" : spelled(code);
    byId("people").replaceChildren(...people.map(chip));
    byId("alone").hidden = code === "" || people.length !== 1;
  }
}

function chip({ name, language, isSelf, isAway, speaks, talks }) {
  const item = document.createElement("li");
  item.className = "person";
  item.classList.toggle("talks", talks);
  item.classList.toggle("away", isAway);
  const who = document.createElement("span");
  who.className = "person-name";
  who.textContent = isSelf ? `${name} (you)` : name;
  const what = document.createElement("span");
  what.className = "person-language";
  const notes = [languageName(language).english, ...(speaks ? [] : ["listens"]), ...(isAway ? ["reconnecting"] : [])];
  what.textContent = notes.join(", ");
  item.append(who, what);
  if (talks) item.append(Object.assign(document.createElement("span"), { className: "hidden", textContent: "is speaking" }));
  return item;
}

// Who is in the room, as a fold over what is told of it. PURE.
//
// A room: {code, member: who the page is, language: what its reader reads, since: when they came by the server's clock (s),
// ahead: how far the page's clock is before the server's (ms), members: as room.members tells them}.

export const nobody = Object.freeze({ code: "", member: "", language: "", since: 0, ahead: 0, members: [] });

/** The room after a room.joined (with `language` and the page's `now`), room.members, room.language or room.left. */
export function meet(room, event) {
  if (event.type === "room.left") return nobody;
  if (event.type === "room.members") return { ...room, members: event.members };
  if (event.type === "room.language") return { ...room, language: event.language };
  const { at, now, language } = event;
  const since = room.code === event.room ? room.since : at; // who comes back has read what was said since they came
  return { ...room, code: event.room, member: event.member, language, since, ahead: now - at * 1000 };
}

export const nameOf = ({ members }, speaker) => members.find(({ member }) => member === speaker)?.name ?? "Somebody";

/** Those who are there, the reader first: {member, name, language, isSelf, isAway, speaks, talks}; `talking` are ids. */
export function people({ member, members }, talking) {
  return members
    .filter(({ state }) => state !== "left")
    .map((each) => ({
      member: each.member,
      name: each.name,
      language: each.language,
      isSelf: each.member === member,
      isAway: each.state === "away",
      speaks: each.number > 0,
      talks: talking.has(each.member),
    }))
    .sort((one, other) => other.isSelf - one.isSelf);
}

/** Ids of the members who are speaking, by the captions that run; the page's own words are session number `session`. */
export function talking({ captions, session, room }) {
  const running = captions.slice(-40).filter(({ phase }) => phase === "partial");
  return new Set(running.map((each) => (each.session === session ? room.member : each.session)));
}

/** A code as people read it best, and the one in an address like /#room=K7MQ-3RTX ("" if there is none). A link has an
 * `invite` where the server asks for keys. */
export const spelled = (code) => `${code.slice(0, 4)}-${code.slice(4)}`;
export const linkOf = (address, code, invite = "") =>
  `${address.split("#")[0]}#room=${spelled(code)}${invite === "" ? "" : `&invite=${invite}`}`;
export const inviteIn = (link) => link.match(/[#&]invite=(\w+)/)?.[1] ?? "";
export const codeIn = (hash) => tidy(new URLSearchParams(hash.replace(/^#/, "")).get("room") ?? "");

/** What somebody typed or pasted, a whole link too, as a code. */
export function tidy(text) {
  const linked = text.match(/room=([\w\s-]+)/);
  return (linked ? linked[1] : text).toUpperCase().replace(/[^A-Z0-9]/g, "");
}

// What the reader sees, as a fold over what happened. PURE: `reduce(state, event)` returns the next state and changes
// nothing. Captions that did not change stay the same objects, so that the page redraws only what did.
//
// Events are the server's own (docs/protocol.md) and six of the page's:
//   {type: "session.started", …, at}        as told, with `at`: when its first audio was heard, ms since the epoch
//   {type: "session.lost"}                  nothing more comes from the session that was open
//   {type: "playback.started" | "playback.ended", session, utterance}
//   {type: "room.language", language}       what its reader reads in the room; room.joined has it too
//   {type: "room.left"}
// Each may have `now`, ms since the epoch.
//
// A caption:
//   key, session, utterance   sessions are counted by the page: each numbers its utterances from 1 again. What another
//                             member of a room says has their id in place of the number
//   who                       "reader"; in a room "self" or "other", and then `name` is theirs
//   phase                     "partial" | "final" | "failed"
//   committed, tentative      while partial;  text, language, at  when final;  committed, code  when failed
//   translation               null, or {target, phase: "waiting" | "partial" | "final" | "failed", text, code, unspoken,
//                             and while partial committed, tentative}; `unspoken` is the code of the error that left it
//                             without speech, or ""
//   since                     when its first word came
//   speaking                  its speech is being played now
//   told                      it was said before the reader came: it is not news

import { meet, nameOf, nobody } from "./room.js";

export const MAX_CAPTIONS = 5000;

export const initial = Object.freeze({
  session: 0, at: 0, targets: [], between: [], captions: [], dropped: 0, lastLanguage: "", room: nobody,
});

export function reduce(state, event) {
  switch (event.type) {
    case "session.started":
      return { ...state, ...wanted(event), session: state.session + 1, at: event.at ?? 0 };
    case "session.updated":
      return { ...state, ...wanted(event) };
    case "session.lost":
      return lost(state, state.session);
    case "playback.started":
      return spoken(state, event, true);
    case "playback.ended":
      return spoken(state, event, false);
    case "room.joined":
    case "room.members":
    case "room.language":
    case "room.left":
      return gone({ ...state, room: meet(state.room, event) });
    case "room.speaking":
      return edit(state, theirs(state, event), event.utterance, (caption) => caption);
    case "room.said":
      return said(state, theirs(state, event), event.event);
    default:
      return said(state, ours(state, event), event);
  }
}

export const key = (session, utterance) => `${session}.${utterance}`;

const wanted = ({ targets, between }) => ({ targets, between: between ?? [] });

// Whose words an event is about: {session, who, name, targets: what is waited for, into: what a member is put into,
// from(event): when it was said, since: when the event came, told}.

const ours = (state, { now }) => ({
  session: state.session,
  who: state.room.code === "" ? "reader" : "self",
  name: "",
  targets: state.targets,
  from: (event) => state.at + event.start * 1000,
  since: now ?? 0,
  told: false,
});

function theirs({ room }, { speaker, at, now }) {
  const since = at === undefined ? (now ?? 0) : at * 1000 + room.ahead;
  return {
    session: speaker,
    who: "other",
    name: nameOf(room, speaker),
    targets: [room.language],
    from: () => since,
    since,
    told: at !== undefined && at < room.since,
    into: room.members.find(({ member }) => member === speaker)?.targets ?? [],
  };
}

function said(state, whose, event) {
  switch (event.type) {
    case "transcript.partial":
      return edit(state, whose, event.utterance, (caption) =>
        caption.phase === "partial"
          ? { ...caption, committed: event.committed ?? "", tentative: event.tentative ?? "" }
          : caption,
      );
    case "transcript.final": {
      const next = whose.who !== "other" ? { ...state, lastLanguage: event.language } : state;
      return edit(next, whose, event.utterance, (caption) => ({
        ...caption,
        phase: "final",
        text: event.text,
        language: event.language,
        at: whose.from(event),
        translation: awaited(state, whose, caption.translation, event.language),
      }));
    }
    case "translation.partial":
      return edit(state, whose, event.utterance, (caption) => ({
        ...caption,
        translation: grown(caption.translation, event),
      }));
    case "translation.final":
      return edit(passedOver(state, whose, event.utterance), whose, event.utterance, (caption) => ({
        ...caption,
        translation: translated(event.target, "final", event.text),
      }));
    case "utterance.empty":
      return { ...state, captions: state.captions.filter((each) => each.key !== key(whose.session, event.utterance)) };
    case "error":
      return event.utterance ? failed(state, whose, event) : state;
    default:
      return state; // an event that a newer server knows
  }
}

const translated = (target, phase, text = "", code = "") => ({ target, phase, text, code, unspoken: "" });

/** What is waited for once it is known what was spoken. */
function awaited({ between }, { who, targets, told, into }, translation, language) {
  if (translation?.phase === "final" || translation?.phase === "failed") return translation;
  if (who === "other") {
    const comes = language !== targets[0] && !told && into.includes(targets[0]);
    return comes ? (translation ?? translated(targets[0], "waiting")) : null;
  }
  const other = between.find((each) => each !== language);
  return translation !== null && between.length > 0 ? { ...translation, target: other } : translation;
}

/** Words of a translation that goes on: those that were certain never change, whatever comes late. */
function grown(translation, { target, committed = "", tentative = "" }) {
  const now = translation ?? translated(target, "waiting");
  if (now.phase === "final" || now.phase === "failed" || !committed.startsWith(now.committed ?? "")) return translation;
  return { ...now, target, phase: "partial", committed, tentative };
}

/** Change the caption of this utterance, or add it where it belongs. */
function edit(state, whose, utterance, change) {
  const wanted = key(whose.session, utterance);
  const index = state.captions.findLastIndex((each) => each.key === wanted);
  const captions = state.captions.slice();
  if (index >= 0) {
    captions[index] = change(captions[index]);
    return { ...state, captions };
  }
  const added = blank(whose, utterance);
  const before = captions.findLastIndex((each) => !comesAfter(each, added));
  captions.splice(before + 1, 0, change(added));
  const surplus = Math.max(0, captions.length - MAX_CAPTIONS);
  return { ...state, captions: captions.slice(surplus), dropped: state.dropped + surplus };
}

/** Of one speaker in the order of their utterances, of different ones in the order in which they began. */
function comesAfter(one, other) {
  if (one.session === other.session) return one.utterance > other.utterance;
  return one.who !== "other" && other.who !== "other" ? one.session > other.session : one.since > other.since;
}

const blank = ({ session, who, name, targets, since, told }, utterance) => ({
  key: key(session, utterance),
  session,
  utterance,
  who,
  name,
  phase: "partial",
  committed: "",
  tentative: "",
  text: "",
  language: "",
  at: 0,
  code: "",
  translation: who !== "other" && targets.length > 0 ? translated(targets[0], "waiting") : null, // one at most is asked for
  since,
  speaking: false,
  told,
});

/** Translations come in order: an earlier one that is still awaited was never asked for (the languages were changed). */
function passedOver(state, whose, utterance) {
  const isAwaited = ({ session, phase, translation, ...each }) =>
    session === whose.session && each.utterance < utterance && phase === "final" && isOpen(translation);
  if (!state.captions.some(isAwaited)) return state;
  return {
    ...state,
    captions: state.captions.map((each) => (isAwaited(each) ? { ...each, translation: null } : each)),
  };
}

const isOpen = (translation) => translation?.phase === "waiting" || translation?.phase === "partial";

/** With a target it is the translation or its speech that failed, without one the utterance as a whole. */
function failed(state, whose, event) {
  return edit(state, whose, event.utterance, (caption) => {
    if (event.target === undefined || event.target === null) {
      return caption.phase === "final" ? caption : { ...caption, phase: "failed", code: event.code };
    }
    const translation =
      caption.translation?.phase === "final"
        ? { ...caption.translation, unspoken: event.code }
        : translated(event.target, "failed", "", event.code);
    return { ...caption, translation };
  });
}

/** What was awaited of this session will not come. Of a running caption the words that were certain stay. */
function lost(state, session) {
  const captions = state.captions
    .filter((each) => each.session !== session || each.phase !== "partial" || each.committed !== "")
    .map((each) => {
      if (each.session !== session) return each;
      if (each.phase === "partial") return { ...each, phase: "failed", code: "session_lost" };
      if (!isOpen(each.translation)) return each;
      return { ...each, translation: { ...each.translation, phase: "failed", code: "session_lost" } };
    });
  return { ...state, captions };
}

/** Of members who have left, what runs has no end any more. */
function gone(state) {
  const there = new Set(state.room.members.filter((each) => each.state !== "left").map(({ member }) => member));
  const strays = state.captions.filter((each) => each.who === "other" && each.phase === "partial" && !there.has(each.session));
  return [...new Set(strays.map(({ session }) => session))].reduce(lost, state);
}

function spoken(state, { session, utterance }, speaking) {
  const wanted = key(session, utterance);
  return {
    ...state,
    captions: state.captions.map((each) =>
      each.key === wanted && each.speaking !== speaking ? { ...each, speaking } : each,
    ),
  };
}

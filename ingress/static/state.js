// What the reader sees, as a fold over what happened. PURE: `reduce(state, event)` returns the next state and changes
// nothing. Captions that did not change stay the same objects, so that the page redraws only what did.
//
// Events are the server's own (docs/protocol.md) and four of the page's:
//   {type: "session.started", …, at}        as told, with `at`: when its first audio was heard, ms since the epoch
//   {type: "session.lost"}                  nothing more comes from the session that was open
//   {type: "playback.started" | "playback.ended", session, utterance}
//
// A caption:
//   key, session, utterance   sessions are counted by the page: each numbers its utterances from 1 again
//   phase                     "partial" | "final" | "failed"
//   committed, tentative      while partial;  text, language, at  when final;  committed, code  when failed
//   translation               null, or {target, phase: "waiting" | "final" | "failed", text, code, unspoken};
//                             `unspoken` is the code of the error that left it without speech, or ""
//   speaking                  its speech is being played now

export const MAX_CAPTIONS = 5000;

export const initial = Object.freeze({ session: 0, at: 0, targets: [], captions: [], dropped: 0, lastLanguage: "" });

export function reduce(state, event) {
  switch (event.type) {
    case "session.started":
      return { ...state, session: state.session + 1, at: event.at ?? 0, targets: event.targets };
    case "session.updated":
      return { ...state, targets: event.targets };
    case "transcript.partial":
      return edit(state, event.utterance, (caption) =>
        caption.phase === "partial"
          ? { ...caption, committed: event.committed ?? "", tentative: event.tentative ?? "" }
          : caption,
      );
    case "transcript.final":
      return edit({ ...state, lastLanguage: event.language }, event.utterance, (caption) => ({
        ...caption,
        phase: "final",
        text: event.text,
        language: event.language,
        at: state.at + event.start * 1000,
      }));
    case "translation.final":
      return edit(passedOver(state, event.utterance), event.utterance, (caption) => ({
        ...caption,
        translation: translated(event.target, "final", event.text),
      }));
    case "utterance.empty":
      return { ...state, captions: state.captions.filter((each) => each.key !== key(state.session, event.utterance)) };
    case "error":
      return event.utterance ? failed(state, event) : state;
    case "session.lost":
      return lost(state);
    case "playback.started":
      return spoken(state, event, true);
    case "playback.ended":
      return spoken(state, event, false);
    default:
      return state; // an event that a newer server knows
  }
}

export const key = (session, utterance) => `${session}.${utterance}`;

const translated = (target, phase, text = "", code = "") => ({ target, phase, text, code, unspoken: "" });

/** Change the caption of this utterance in the open session, or add it where its number belongs. */
function edit(state, utterance, change) {
  const wanted = key(state.session, utterance);
  const index = state.captions.findLastIndex((each) => each.key === wanted);
  const captions = state.captions.slice();
  if (index >= 0) {
    captions[index] = change(captions[index]);
    return { ...state, captions };
  }
  const before = captions.findLastIndex((each) => each.session < state.session || each.utterance < utterance);
  captions.splice(before + 1, 0, change(blank(state, utterance)));
  const surplus = Math.max(0, captions.length - MAX_CAPTIONS);
  return { ...state, captions: captions.slice(surplus), dropped: state.dropped + surplus };
}

const blank = ({ session, targets }, utterance) => ({
  key: key(session, utterance),
  session,
  utterance,
  phase: "partial",
  committed: "",
  tentative: "",
  text: "",
  language: "",
  at: 0,
  code: "",
  translation: targets.length > 0 ? translated(targets[0], "waiting") : null, // the page asks for one target at most
  speaking: false,
});

/** Translations come in order: an earlier one that is still awaited was never asked for (the languages were changed). */
function passedOver(state, utterance) {
  const isAwaited = ({ session, phase, translation, ...each }) =>
    session === state.session && each.utterance < utterance && phase === "final" && translation?.phase === "waiting";
  if (!state.captions.some(isAwaited)) return state;
  return {
    ...state,
    captions: state.captions.map((each) => (isAwaited(each) ? { ...each, translation: null } : each)),
  };
}

/** With a target it is the translation or its speech that failed, without one the utterance as a whole. */
function failed(state, event) {
  return edit(state, event.utterance, (caption) => {
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

/** What was awaited will not come. Of a running caption the words that were certain stay. */
function lost(state) {
  const captions = state.captions
    .filter((each) => each.phase !== "partial" || each.committed !== "")
    .map((each) => {
      if (each.phase === "partial") return { ...each, phase: "failed", code: "session_lost" };
      if (each.translation?.phase !== "waiting") return each;
      return { ...each, translation: { ...each.translation, phase: "failed", code: "session_lost" } };
    });
  return { ...state, captions };
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

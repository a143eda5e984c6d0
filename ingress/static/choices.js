// What the reader may choose, and what a choice means. PURE.
//
// A choice is {source, target, mode}. `source` is a language code or "auto"; `target` a code, or "" for no translation;
// `mode` is "original" (captions as spoken), "bilingual" (captions in two languages) or "speech" (and spoken). Target and
// mode say the same thing in part: "" goes with "original", and neither can be had without the other. `wanted` remembers
// the target that was chosen last, for when translation is switched on again. With `between`, both languages are spoken
// into one microphone and each is put into the other; else it is left out.
//
// `info` is what GET /v1/info tells: {sources: [code], targets: {code: [sources it is translated from, "*" is any]},
// voices: {code: name}}.

export const AUTO = "auto";
export const NOTHING_KNOWN = Object.freeze({ sources: [], targets: {}, voices: {} });
export const FIRST = Object.freeze({ source: AUTO, target: "en", mode: "speech", wanted: "en" });
const MODES = ["original", "bilingual", "speech"];

/** Codes of the languages that `source` can be translated into. */
export function targetsFor(source, info) {
  return Object.keys(info.targets).filter((target) => {
    const sources = info.targets[target];
    if (target === source) return false;
    return sources.includes("*") || sources.includes(source) || (source === AUTO && sources.length > 0);
  });
}

/** The choice after `change` (one or more of its fields), made possible. */
export function choose(choice, change, info) {
  const next = { ...choice, ...change };
  const possible = info === NOTHING_KNOWN ? [next.target || next.wanted] : targetsFor(next.source, info);
  if (change.target === "") next.mode = "original";
  if (change.target && next.mode === "original") next.mode = choice.mode === "original" ? "bilingual" : choice.mode;
  if (next.mode === "original") next.target = "";
  else if (!possible.includes(next.target)) {
    const candidates = [next.wanted, choice.source, ...possible];
    next.target = candidates.find((each) => possible.includes(each)) ?? "";
    if (next.target === "") next.mode = "original";
  }
  if (next.target !== "") next.wanted = next.target;
  if (next.between && next.source === AUTO) next.source = partnerOf(next.target, info) ?? AUTO;
  if (!next.between || !isPair(next.source, next.target, info)) delete next.between;
  return next;
}

/** Whether either of two languages can be put into the other. */
const isPair = (one, other, info) =>
  info === NOTHING_KNOWN || (targetsFor(one, info).includes(other) && targetsFor(other, info).includes(one));

/** A language that can be spoken beside this one; null if there is none. */
export const partnerOf = (language, info) =>
  Object.keys(info.targets).find((each) => each !== language && isPair(each, language, info)) ?? null;

/** Whether this choice can be made one for two speakers. */
export const canBeBetween = ({ source, target }, info) =>
  target !== "" && (source === AUTO ? partnerOf(target, info) !== null : isPair(source, target, info));

/** A choice that was remembered, or made for another server, brought in line with what this one serves. */
export function settle(remembered, info) {
  const choice = { ...FIRST };
  for (const field of ["source", "target", "wanted"]) {
    if (typeof remembered?.[field] === "string") choice[field] = remembered[field];
  }
  if (MODES.includes(remembered?.mode)) choice.mode = remembered.mode;
  if (remembered?.between === true) choice.between = true;
  if (info === NOTHING_KNOWN) return choice;
  const source = choice.source === AUTO || info.sources.includes(choice.source) ? choice.source : AUTO;
  return choose(choice, { source }, info);
}

/** What the protocol is asked for. */
export function requestOf({ source, target, mode, between }) {
  const speech = mode === "speech";
  if (between) return { source: AUTO, targets: [source, target], speech, live: [source, target], between: [source, target] };
  const targets = target === "" ? [] : [target];
  return { source, targets, speech, live: targets };
}

/** The same of a place in a room, {code, name, source, language, listens}. `hears`: speech is wanted. */
export const requestIn = ({ code, name, source, language, listens }, hears) => ({
  source,
  targets: [],
  speech: hears,
  live: [],
  listens,
  room: { code, name, language, speech: hears },
});

/** Codes of all languages that somebody here can read. */
export const readable = (info) => [...new Set([...info.sources, ...Object.keys(info.targets)])];

const TAGS = { jw: "jv", yue: "yue" }; // Whisper's own spellings

/** "French" and "français" for "fr". Both are the code itself where the browser does not know it. */
export function languageName(code, inLanguage = "en") {
  const tag = TAGS[code] ?? code;
  const name = (display) => {
    try {
      return new Intl.DisplayNames([display], { type: "language" }).of(tag) ?? code;
    } catch {
      return code;
    }
  };
  return { english: name(inLanguage), own: name(tag) };
}

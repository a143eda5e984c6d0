// What the reader may choose, and what a choice means. PURE.
//
// A choice is {source, target, mode}. `source` is a language code or "auto"; `target` a code, or "" for no translation;
// `mode` is "original" (captions as spoken), "bilingual" (captions in two languages) or "speech" (and spoken). Target and
// mode say the same thing in part: "" goes with "original", and neither can be had without the other. `wanted` remembers
// the target that was chosen last, for when translation is switched on again.
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
  return next;
}

/** A choice that was remembered, or made for another server, brought in line with what this one serves. */
export function settle(remembered, info) {
  const choice = { ...FIRST };
  for (const field of ["source", "target", "wanted"]) {
    if (typeof remembered?.[field] === "string") choice[field] = remembered[field];
  }
  if (MODES.includes(remembered?.mode)) choice.mode = remembered.mode;
  if (info === NOTHING_KNOWN) return choice;
  const source = choice.source === AUTO || info.sources.includes(choice.source) ? choice.source : AUTO;
  return choose(choice, { source }, info);
}

/** What the protocol is asked for. */
export const requestOf = ({ source, target, mode }) => ({
  source,
  targets: target === "" ? [] : [target],
  speech: mode === "speech",
});

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

// Captions as plain text, to be copied or saved, and as sentences. PURE.

/** One paragraph for each finished caption: the time, in a room who it was, what was said and, below it, what it means. */
export function asText(captions, timeOf) {
  return captions
    .filter((each) => each.phase === "final")
    .map((each) => {
      const who = { other: `${each.name}: `, self: "You: " }[each.who] ?? "";
      const lines = [`[${timeOf(each.at)}] ${who}${each.text}`];
      if (each.translation?.phase === "final") lines.push(`           ${each.translation.text}`);
      return lines.join("\n");
    })
    .join("\n\n");
}

/** The sentences of a text, each with the space after it. */
export function sentences(text, language) {
  if (typeof Intl.Segmenter === "undefined") return [text];
  const segmenter = new Intl.Segmenter(language || undefined, { granularity: "sentence" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

const SECONDS_PER_CHARACTER = 1 / 14; // a guess, until the length of the speech is known

/**
 * Which sentence is being spoken `position` seconds into speech of `seconds` (0: not known yet). Speech comes without
 * marks, so each sentence is taken to last in proportion to its length. Returns an index.
 */
export function sentenceAt(parts, position, seconds) {
  const characters = parts.reduce((sum, each) => sum + each.length, 0);
  const whole = seconds > 0 ? seconds : Math.max(characters * SECONDS_PER_CHARACTER, position);
  let end = 0;
  for (const [index, part] of parts.entries()) {
    end += (part.length / characters) * whole;
    if (position < end) return index;
  }
  return parts.length - 1;
}

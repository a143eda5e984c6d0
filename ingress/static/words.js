// Every failure in words: what happened, and what the reader can do about it. PURE.
//
// `tone` is "bad" (nothing goes on until somebody does something), "wait" (it mends itself) or "note".

const WORDS = {
  // the microphone
  insecure_context: ["bad", "This address cannot use the microphone",
    "Browsers give the microphone only to https:// pages and to localhost. Open this page over https, or on the machine itself as http://localhost."],
  browser_too_old: ["bad", "This browser is too old", "It cannot process sound in a page. A current Firefox, Chrome, Edge or Safari can."],
  microphone_denied: ["bad", "The microphone is blocked for this page",
    "Allow it in the site settings beside the address bar, then press Start again."],
  microphone_missing: ["bad", "No microphone was found", "Connect one, or switch it on in the system settings, then press Start again."],
  microphone_busy: ["bad", "The microphone cannot be opened",
    "Another program may be using it. Close that program, or unplug the microphone and plug it in again, then press Start."],
  microphone_lost: ["bad", "The microphone was disconnected", "Everything said so far is kept. Connect it again and press Start."],
  // the way to the server
  server_away: ["wait", "The server cannot be reached", "What you say is kept for up to 30 seconds and sent as soon as it is back."],
  server_unreachable: ["wait", "The server does not answer", "Is it running? The page looks for it again by itself."],
  server_off: ["bad", "The server does not answer", "Press Start again when it is back."],
  going_away: ["wait", "The server is being restarted", "The page connects again by itself; what you say meanwhile is kept."],
  nats_unavailable: ["wait", "The server has lost its message bus", "The page tries again by itself."],
  no_scheduler: ["wait", "Nobody is there to take the session", "No scheduler answers. The page tries again by itself."],
  no_node: ["wait", "No translation node is ready", "It may still be loading its models. The page tries again by itself."],
  full: ["wait", "There is no room now, and the line is full",
    "The page tries again by itself, and listens when it is let in."],
  too_many_sessions: ["wait", "The server is full", "All its places are taken. The page tries again by itself until one is free."],
  slow_reader: ["wait", "This connection was too slow to keep up", "The server let go of it. The page connects again by itself."],
  replaced: ["wait", "The connection was replaced by a newer one", "The page connects again by itself."],
  idle: ["wait", "The connection was closed because nothing was heard", "The page connects again by itself."],
  session_unknown: ["note", "A new session was opened",
    "The one before had ended while the connection was away. Its last words may be missing."],
  // keys and limits
  invalid_api_key: ["bad", "The server does not take this key any more", "It was revoked or has expired. Ask for another one, then press Start again."],
  forbidden: ["bad", "This invitation is for its room alone", "Open the link again, or come in with a key."],
  rate_limited: ["wait", "Too much was asked for in this minute", "The page tries again by itself."],
  quota_exceeded: ["wait", "Today's limit is reached", "Whoever runs this server has set one for each day (UTC). The page tries again by itself."],
  // refusals
  language_unsupported: ["bad", "These languages are not served here", "Choose other languages and press Start again."],
  target_equals_source: ["bad", "Both languages are the same", "Choose two different languages, or no translation."],
  sample_rate_unsupported: ["bad", "The server does not take this microphone's sample rate", "Another microphone or browser may help."],
  bad_start: ["bad", "The server did not understand this page", "Page and server may be of different versions: reload the page."],
  protocol_violation: ["bad", "The server ended the session because of an error in this page", "Reload the page and start again."],
  message_too_big: ["bad", "The server ended the session because of an error in this page", "Reload the page and start again."],
  ended_by_server: ["bad", "The server ended the session", "Press Start to open a new one."],
  last_words_lost: ["bad", "The connection broke before everything was finished", "The last words may be missing."],
  // rooms
  room_unknown: ["bad", "There is no such room", "Its code may be misspelled, or nobody has used it for a day. Start a new one."],
  room_full: ["wait", "The room is full", "The page tries again by itself until somebody leaves."],
  too_many_rooms: ["wait", "The server is full", "It has as many rooms as it takes. The page tries again by itself until one is free."],
  link_not_copied: ["note", "Copying was not allowed", "The address of this page is the link: copy it from there."],
  // on the way
  slow_connection: ["wait", "The connection is slow", "What you say is kept and sent as fast as it goes."],
  server_behind: ["wait", "The server is behind", "Captions come later than usual."],
  audio_lost: ["note", "Some speech was lost", "The connection was away for longer than the 30 seconds that this page keeps."],
  speech_skipped: ["note", "Some speech was not played", "There was too much of it waiting. Its captions are complete."],
  no_voice: ["note", "There is no voice for this language here", "Its captions are shown; it is not spoken."],
  copy_failed: ["note", "Copying was not allowed", "Use Save instead."],
  not_kept: ["note", "The server has nothing of this session in this form", "It may not keep transcripts. Use Save instead."],
};

const ALIKE = {
  odd_bytes: "protocol_violation",
  chunk_gap: "protocol_violation",
  audio_before_start: "protocol_violation",
  not_json: "protocol_violation",
  unknown_type: "protocol_violation",
  bad_field: "protocol_violation",
};

const about = (seconds) => {
  if (seconds >= 90) return `about ${Math.round(seconds / 60)} min`;
  return seconds >= 10 ? `about ${5 * Math.round(seconds / 5)} s` : "a few seconds";
};

/** Of a queue.status. */
export const inLine = ({ position, eta_s: eta }) =>
  `You are number ${position} in line${eta === undefined ? "" : `, ${about(eta)}`}`;

/** When it is tried again. */
export const later = (seconds) => `Trying again in ${about(seconds)}`;

/** {code, tone, title, hint} for a failure. A code without words of its own is told in the server's. */
export function words(code, message = "") {
  if (code === "postponed") return { ...words("full"), code, hint: `${message}, by itself.` };
  if (code === "in_line") return { code, tone: "wait", title: message, hint: "Keep this page open: it listens as soon as there is room." };
  const known = WORDS[ALIKE[code] ?? code];
  if (known === undefined) return { code, tone: "bad", title: "Something went wrong", hint: message || code };
  const [tone, title, hint] = known;
  return { code, tone, title, hint };
}

const MISSING = {
  session_lost: "was lost with the connection",
  queue_full: "was left out: there was too much to do",
  timed_out: "took too long",
  engine_failed: "could not be understood",
  translation_failed: "could not be translated",
  speech_failed: "could not be spoken",
  language_unsupported: "cannot be translated from this language",
};

/** A few words in place of a caption, a translation or speech that did not come. */
export const missing = (code) => MISSING[code] ?? "failed";

const PHASES = {
  ready: "Ready",
  asking: "Waiting for the microphone",
  connecting: "Connecting",
  live: "Listening",
  waiting: "Reconnecting…",
  closing: "Finishing",
};

export const phaseName = (phase) => PHASES[phase];

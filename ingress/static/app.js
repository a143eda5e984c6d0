// The page: joins the parts. What is shown follows from `state` (state.js) and `choice` (choices.js); what happens is told
// to them, and they are drawn again.

import { Captions } from "./captions.js";
import { NOTHING_KNOWN, choose, requestOf, settle } from "./choices.js";
import { backoff } from "./connection.js";
import { Controls } from "./controls.js";
import { recall, remember } from "./memory.js";
import { isPossible } from "./microphone.js";
import { Player } from "./player.js";
import { Run } from "./run.js";
import { Shortcuts } from "./shortcuts.js";
import { initial, key, reduce } from "./state.js";
import { asText } from "./transcript.js";
import { keepAwake, letSleep } from "./wakelock.js";
import { words } from "./words.js";

const byId = (id) => document.getElementById(id);
const SPEEDS = Array.from(byId("speed").options, ({ value }) => Number(value));
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const timeOf = (at) => clock.format(at);

const remembered = recall();
let info = NOTHING_KNOWN;
let choice = settle(remembered.choice, info);
let sound = { muted: remembered.muted === true, volume: within(remembered.volume, 0, 1), speed: speedOf(remembered.speed) };
let state = initial;
let run = null;

function within(value, low, high) {
  return typeof value === "number" && value >= low && value <= high ? value : high;
}

function speedOf(value) {
  return SPEEDS.includes(value) ? value : 1;
}

// --- what is shown ---

const captions = new Captions({
  scroller: byId("scroller"),
  list: byId("captions"),
  jump: byId("jump"),
  announcer: byId("announcer"),
  timeOf,
});

function happened(event) {
  state = reduce(state, event);
  captions.draw(state.captions);
  controls.captions(state.captions.length, state.captions.filter((each) => each.phase === "final").length);
  controls.heard(choice.source, state.lastLanguage);
}

// --- speech ---

const player = new Player({
  playing(id, seconds) {
    if (id.session === state.session) run?.playing(id, seconds);
    happened({ type: "playback.started", ...id });
  },
  played(id) {
    if (id.session === state.session) run?.played(id);
    happened({ type: "playback.ended", ...id });
  },
  progress: (id, position, seconds) => captions.spoken(id, position, seconds),
  skipped: () => controls.say("speech", words("speech_skipped")),
});

/** What was spoken in this utterance: what is in the reader's language already needs no voice. */
function languageOf({ utterance }) {
  return state.captions.findLast((each) => each.key === key(state.session, utterance))?.language;
}

const idOf = ({ utterance, target }) => ({ session: state.session, utterance, target });

function setSound(change) {
  sound = { ...sound, ...change };
  remember(sound);
  player.volume = sound.muted ? 0 : sound.volume;
  player.speed = sound.speed;
  controls.speech(sound);
}

function changeSpeed(steps) {
  const index = SPEEDS.indexOf(sound.speed) + steps;
  if (SPEEDS[index] !== undefined) setSound({ speed: SPEEDS[index] });
}

// --- the run ---

const tell = {
  phase: (name) => controls.phase(name),
  level: (rms) => controls.level(rms),
  trouble: (place, code, message) => controls.say(place, code === null ? null : words(code, message)),
  speech({ utterance, sequence, rate, target, samples }) {
    if (choice.mode === "speech") player.add(idOf({ utterance, target }), rate, sequence, samples);
  },
  event(event) {
    happened(event);
    if (event.type === "speech.started" && choice.mode === "speech") player.begin(idOf(event), event.sample_rate);
    if (event.type === "speech.ended" || (event.type === "error" && event.target)) player.end(idOf(event));
    if (event.type === "speech.unavailable" && languageOf(event) !== event.target) controls.say("voice", words("no_voice"));
    if (event.type === "error" && event.code === "language_unsupported") void learn();
  },
  lost() {
    player.endAll();
    happened({ type: "session.lost" });
  },
  over() {
    run = null;
    player.endAll();
    letSleep();
    controls.phase("ready");
  },
};

function startOrStop() {
  if (run === null) {
    for (const place of ["microphone", "connection", "session", "loss", "speech", "voice"]) controls.say(place, null);
    player.unlock().catch(() => {}); // speech stays silent; captions do not need it
    keepAwake();
    run = new Run(requestOf(choice), tell);
    void run.start();
  } else {
    if (run.closing) player.stop();
    void run.stop();
  }
}

function change(wanted) {
  choice = choose(choice, wanted, info);
  remember({ choice });
  controls.choices(choice, info);
  controls.heard(choice.source, state.lastLanguage);
  controls.say("voice", null);
  if (choice.mode !== "speech") player.stop();
  run?.update(requestOf(choice));
}

// --- text ---

const text = () => `${asText(state.captions, timeOf)}\n`;

async function copy() {
  try {
    await navigator.clipboard.writeText(text());
    controls.done("Copied");
  } catch {
    controls.say("copy", words("copy_failed"));
  }
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text()], { type: "text/plain;charset=utf-8" }));
  link.download = `dragoman-${new Date().toISOString().slice(0, 16).replace(/[:T]/g, "-")}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  controls.done("Saved");
}

// --- beginning ---

const controls = new Controls({
  start: startOrStop,
  finalize: () => run?.finalize(),
  choose: change,
  mute: () => setSound({ muted: !sound.muted }),
  volume: (volume) => setSound({ volume, muted: false }),
  speed: (speed) => setSound({ speed }),
  skip: () => player.skip(),
  copy,
  save,
});

new Shortcuts({
  keys: {
    s: startOrStop,
    e: () => run?.finalize(),
    m: () => setSound({ muted: !sound.muted }),
    x: () => player.skip(),
    ">": () => changeSpeed(1),
    "<": () => changeSpeed(-1),
    n: () => captions.toNow(),
    c: copy,
  },
  dialog: byId("help"),
  button: byId("help-open"),
  toggle: byId("shortcuts-on"),
  enabled: remembered.shortcuts !== false,
  remember: (shortcuts) => remember({ shortcuts }),
});

/** Ask what the fleet serves, until it serves something. */
async function learn(attempt = 0) {
  let trouble = null;
  try {
    const answer = await fetch("/v1/info", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    if (told.sources.length > 0) {
      info = { sources: told.sources, targets: told.targets, voices: told.voices };
      choice = settle(choice, info);
    } else trouble = "no_node";
  } catch {
    trouble = "server_unreachable";
  }
  controls.choices(choice, info);
  controls.say("info", trouble === null ? null : words(trouble));
  if (trouble !== null) setTimeout(() => void learn(attempt + 1), backoff(attempt, Math.random()) * 1000);
}

controls.phase("ready");
controls.choices(choice, info);
controls.heard(choice.source, "");
setSound({});
if (!isPossible()) controls.say("microphone", words("insecure_context"));
void learn();

// The page: joins the parts. What is shown follows from `state` (state.js) and `choice` (choices.js); what happens is told
// to them, and they are drawn again.

import { Captions } from "./captions.js";
import { NOTHING_KNOWN, choose, requestIn, requestOf, settle } from "./choices.js";
import { backoff } from "./connection.js";
import { Controls } from "./controls.js";
import { Door } from "./door.js";
import { Files } from "./files.js";
import { Lobby } from "./lobby.js";
import { recall, remember } from "./memory.js";
import { isPossible } from "./microphone.js";
import { Player } from "./player.js";
import { codeIn, inviteIn, linkOf, people, talking } from "./room.js";
import { RoomBar } from "./roombar.js";
import { Run } from "./run.js";
import { Shortcuts } from "./shortcuts.js";
import { initial, key, reduce } from "./state.js";
import { asText } from "./transcript.js";
import { keepAwake, letSleep } from "./wakelock.js";
import { words } from "./words.js";

const byId = (id) => document.getElementById(id);
const INVITED_S = 12 * 3600;
const SPEEDS = Array.from(byId("speed").options, ({ value }) => Number(value));
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const timeOf = (at) => clock.format(at);

const remembered = recall();
let info = NOTHING_KNOWN;
let choice = settle(remembered.choice, info);
let sound = { muted: remembered.muted === true, volume: within(remembered.volume, 0, 1), speed: speedOf(remembered.speed) };
let state = initial;
let run = null;
let place = null; // in a room: {code, invite, name, source, language, listens}

const request = () => (place === null ? requestOf(choice) : requestIn(place, !sound.muted));
const hears = () => place !== null || choice.mode === "speech";

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
  state = reduce(state, { ...event, now: Date.now() });
  captions.draw(state.captions);
  controls.captions(state.captions.length, state.captions.filter((each) => each.phase === "final").length);
  controls.heard(choice, state.lastLanguage);
  roomBar.draw(place?.code ?? "", people(state.room, talking(state)));
}

// --- speech ---

const player = new Player({
  playing(id, seconds) {
    if (isRunning(id)) run?.playing(id, seconds);
    happened({ type: "playback.started", ...id });
  },
  played(id) {
    if (isRunning(id)) run?.played(id);
    happened({ type: "playback.ended", ...id });
  },
  progress: (id, position, seconds) => captions.spoken(id, position, seconds),
  skipped: () => controls.say("speech", words("speech_skipped")),
});

const isRunning = ({ session, speaker }) => speaker !== undefined || session === state.session;

/** What was spoken in this utterance: what is in the reader's language already needs no voice. */
function languageOf({ session, utterance }) {
  return state.captions.findLast((each) => each.key === key(session, utterance))?.language;
}

/** Of speech: `speaker` is another member of the room, or 0 or undefined. */
const idOf = ({ utterance, target }, speaker) =>
  speaker ? { session: speaker, utterance, target, speaker } : { session: state.session, utterance, target };

function voice(event, id) {
  if (event.type === "speech.started" && hears()) player.begin(id, event.sample_rate);
  if (event.type === "speech.ended" || (event.type === "error" && event.target)) player.end(id);
  if (event.type === "speech.unavailable" && languageOf(id) !== event.target) controls.say("voice", words("no_voice"));
}

/** What else there is to an event in a room: what its reader reads, and that their own words are for others. */
function inRoom({ type }) {
  if (place === null) return {};
  if (type === "session.started" || type === "session.updated") return { targets: [] };
  return type === "room.joined" ? { language: place.language } : {};
}

/** In a room, the others' voices are lower while the reader speaks. */
function giveWay({ type, committed, tentative }) {
  if (type === "transcript.partial") player.lowered = place !== null && `${committed}${tentative}` !== "";
  if (type === "transcript.final" || type === "utterance.empty" || type === "error") player.lowered = false;
}

function setSound(change) {
  sound = { ...sound, ...change };
  remember(sound);
  player.volume = sound.muted ? 0 : sound.volume;
  player.speed = sound.speed;
  controls.speech(sound);
  if (place !== null && "muted" in change) run?.update(request());
}

function changeSpeed(steps) {
  const index = SPEEDS.indexOf(sound.speed) + steps;
  if (SPEEDS[index] !== undefined) setSound({ speed: SPEEDS[index] });
}

// --- the run ---

const tell = {
  phase: (name) => controls.phase(name),
  level: (rms) => controls.level(rms),
  trouble(place, code, message) {
    controls.say(place, code === null ? null : words(code, message));
    if (code === "invalid_api_key") door.ask();
  },
  async unopened() {
    if (await door.isClosed()) return run?.refused();
    run?.postpone(await door.refusal());
  },
  speech({ speaker, utterance, sequence, rate, target, samples }) {
    if (hears()) player.add(idOf({ utterance, target }, speaker), rate, sequence, samples);
  },
  event(event) {
    happened({ ...event, ...inRoom(event) });
    if (event.type === "session.started") files.of(door.invite === "" ? event.session : "", event.targets[0] ?? "");
    if (event.type === "room.said") return voice(event.event, idOf(event.event, event.speaker));
    voice(event, idOf(event));
    giveWay(event);
    if (event.type === "error" && event.code === "language_unsupported") void learn();
  },
  lost() {
    player.endAll();
    happened({ type: "session.lost" });
  },
  over() {
    run = null;
    player.endAll();
    player.lowered = false;
    letSleep();
    controls.phase("ready");
    controls.microphone(false, false);
    happened({ type: "room.left" });
    if (next !== null) begin();
  },
};

let next = null; // what is to be begun when this run is over

function begin() {
  next = null;
  for (const about of ["microphone", "connection", "session", "loss", "speech", "voice"]) controls.say(about, null);
  player.unlock().catch(() => {}); // speech stays silent; captions do not need it
  keepAwake();
  door.invite = place?.invite ?? "";
  run = new Run(request(), door.protocols, tell);
  void run.start();
}

function startOrStop() {
  if (run === null) return begin();
  if (run.closing) player.stop();
  void run.stop();
}

function muteMicrophone() {
  if (run === null || place?.listens) return;
  run.silent = !run.silent;
  controls.microphone(place !== null, run.silent);
}

// --- rooms ---

function enter(wantedPlace) {
  const { code, invite, ...mine } = wantedPlace;
  place = wantedPlace;
  remember({ room: mine });
  history.replaceState(null, "", linkOf(location.href, code, invite));
  controls.say("copy", null);
  if (run !== null) {
    next = place;
    player.stop();
    void run.stop();
  } else begin();
  controls.microphone(!place.listens, false);
  roomBar.draw(code, people(state.room, new Set()));
  controls.speech(sound);
}

function leave() {
  place = null;
  history.replaceState(null, "", location.pathname);
  player.stop();
  if (run !== null) startOrStop();
  happened({ type: "room.left" });
  controls.choices(choice, info);
}

async function newRoom() {
  const answer = await door.fetch("/v1/rooms", { method: "POST" });
  if (!answer.ok) throw new Error(String(answer.status));
  const { room, invite } = await answer.json();
  return { code: room, invite: door.hasKey ? invite : "" };
}

/** Who came by a code and a key has no invite for others yet. */
async function invited() {
  if (place.invite !== "" || !door.hasKey) return place.invite;
  const body = JSON.stringify({ room: place.code, seconds: INVITED_S });
  const answer = await door.fetch("/v1/tokens", { method: "POST", body });
  return answer.ok ? (await answer.json()).token : "";
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(linkOf(location.href, place.code, await invited()));
    controls.done("Link copied");
  } catch {
    controls.say("copy", words("link_not_copied"));
  }
}

function change(wanted) {
  choice = choose(choice, wanted, info);
  remember({ choice });
  controls.choices(choice, info);
  controls.heard(choice, state.lastLanguage);
  controls.say("voice", null);
  if (choice.mode !== "speech") player.stop();
  run?.update(request());
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
  hush: muteMicrophone,
});

const roomBar = new RoomBar({ link: copyLink, leave });
const door = new Door(() => void learn());
const files = new Files({
  fetch: (path) => door.fetch(path),
  saved: () => controls.done("Saved"),
  failed: () => controls.say("copy", words("not_kept")),
});
const lobby = new Lobby({ join: enter, create: newRoom }, remembered.room);

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
    d: muteMicrophone,
    r: () => (place === null ? lobby.open() : void copyLink()),
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
    const answer = await door.fetch("/v1/info");
    if (answer.status === 401) return controls.choices(choice, info); // the door asks, and says when there is a key
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    if (told.sources.length > 0) {
      info = { sources: told.sources, targets: told.targets, voices: told.voices };
      choice = settle(choice, info);
      lobby.learn(info);
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
controls.heard(choice, "");
setSound({});
door.invite = inviteIn(location.hash);
if (codeIn(location.hash) !== "") lobby.open(codeIn(location.hash));
window.addEventListener("hashchange", () => {
  const code = codeIn(location.hash);
  if (code !== "" && code !== place?.code) lobby.open(code);
});
if (!isPossible()) controls.say("microphone", words("insecure_context"));
void learn();

// The dashboard: joins its parts. Each second a state comes (dashboard-source.js), and everything is drawn from it
// (dashboard-parts.js, chart.js). Lists that may be long are asked for page by page.

import { Chart } from "./chart.js";
import { drawDead, drawNodes, drawPages, drawPools, drawProcesses, drawRefusals, drawSessions, drawTiles } from "./dashboard-parts.js";
import { Source } from "./dashboard-source.js";
import { SURE, count, seconds } from "./dashboard-words.js";

const byId = (id) => document.getElementById(id);
const PAGE = 25;
const LISTS_EVERY = 2; // states
const KEPT = 900;

let history = { at: [] };
let state = null;
let states = 0;
const offsets = { sessions: 0, dead: 0 };
const asking = { sessions: false, dead: false };

const CHARTS = [
  { title: "Final lag", write: seconds, series: [["p50", "p50"], ["p95", "p95"], ["p99", "p99"]] },
  { title: "Queues", write: count, series: [["waiting", "waiting"], ["in hand", "running"], ["batch", "batch"], ["partials", "partials"]] },
  { title: "Utterances a minute", write: count, series: [["done", "utterances"]] },
  { title: "Audio, seconds a second", write: count, series: [["in", "audio"]] },
  { title: "Sessions", write: count, series: [["live", "sessions"]] },
  { title: "Refusals a minute", write: count, series: [["refused", "refusals"]] },
].map(({ series, ...rest }) => new Chart({ ...rest, series: series.map(([name, column]) => ({ name, column })) }));
byId("charts").append(...CHARTS.map((chart) => chart.element));

// --- what comes ---

function heard({ type, data }) {
  if (type === "history") history = data;
  if (type !== "state") return;
  state = data;
  if (history.at.at(-1) !== state.at) remember(state);
  draw();
  if (states++ % LISTS_EVERY === 0) for (const name of ["sessions", "dead"]) void list(name);
}

function remember({ at, queues, rates, sessions }) {
  const point = {
    at,
    ...queues,
    utterances: rates.utterances_a_minute,
    audio: rates.audio,
    ...(rates.lag ?? { p50: -1, p95: -1, p99: -1 }),
    sessions: sessions.open + sessions.closing,
    refusals: Object.values(rates.refusals).reduce((sum, each) => sum + each, 0),
  };
  for (const [name, column] of Object.entries(history)) {
    column.push(point[name] ?? 0);
    if (column.length > KEPT) column.shift();
  }
}

function draw() {
  byId("board").hidden = false;
  drawTiles(byId("tiles"), state);
  for (const chart of CHARTS) chart.draw(history.at, chart.series.map(({ column }) => history[column] ?? []));
  drawPools(byId("pools"), state.pools);
  drawNodes(byId("nodes"), state.nodes, act);
  drawProcesses(byId("processes"), state);
  drawRefusals(byId("refusals"), state.rates);
}

async function list(name) {
  if (asking[name]) return;
  asking[name] = true;
  try {
    const search = name === "sessions" ? `&search=${encodeURIComponent(byId("search").value)}` : "";
    const found = await source.ask(`${name}?limit=${PAGE}&offset=${offsets[name]}${search}`);
    if (offsets[name] > 0 && offsets[name] >= found.total) {
      offsets[name] = 0;
      return;
    }
    (name === "sessions" ? drawSessions : drawDead)(byId(name), found, state.at, act);
    drawPages(byId(`${name}-pages`), found.total, offsets[name], PAGE, (step) => turn(name, step));
  } catch {
    // the stream of states says what is wrong, and the next one asks again
  } finally {
    asking[name] = false;
  }
}

function turn(name, step) {
  offsets[name] = Math.max(0, offsets[name] + step * PAGE);
  void list(name);
}

byId("search").addEventListener("input", () => {
  offsets.sessions = 0;
  void list("sessions");
});

// --- what is done ---

const REQUESTS = {
  drain: (name) => [`nodes/${encodeURIComponent(name)}/drain`, "POST"],
  undrain: (name) => [`nodes/${encodeURIComponent(name)}/drain`, "DELETE"],
  close: (name) => [`sessions/${encodeURIComponent(name)}`, "DELETE"],
  requeue: (_, id) => [`dead/${id}/requeue`, "POST"],
  discard: (_, id) => [`dead/${id}`, "DELETE"],
};
const DONE = { drain: "is being drained", undrain: "takes jobs again", close: "is being closed", requeue: "is being run again", discard: "was discarded" };

async function act(what, name, id = name) {
  if (!(await sure(...SURE[what](name)))) return;
  try {
    await source.ask(...REQUESTS[what](name, id));
    say(`${name} ${DONE[what]}`, "good");
  } catch (error) {
    say(`${name}: ${error.message}`, "bad");
  }
  for (const each of ["sessions", "dead"]) void list(each);
}

function sure(title, text, yes) {
  const dialog = byId("sure");
  byId("sure-title").textContent = title;
  byId("sure-text").textContent = text;
  byId("sure-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

let silence;
function say(text, tone) {
  const place = byId("announcer");
  place.textContent = text;
  place.dataset.tone = tone;
  place.className = "toast";
  clearTimeout(silence);
  silence = setTimeout(() => (place.className = "hidden"), 8000);
}

// --- the connection, and the key ---

const TOLD = { live: ["live", "good"], lost: ["connection lost, trying again", "bad"], closed: ["an admin key is needed", "wait"] };

function changed(phase, message) {
  const [text, tone] = TOLD[phase];
  const status = byId("status");
  const whole = message && phase === "lost" ? `${text}: ${message}` : text;
  if (status.textContent !== whole) status.textContent = whole;
  status.dataset.tone = tone;
  document.body.dataset.phase = phase;
  byId("key-change").hidden = !source.hasKey;
  if (phase !== "closed") return;
  byId("board").hidden = true;
  byId("door-trouble").textContent = message;
  if (!byId("door").open) byId("door").showModal();
}

byId("door").addEventListener("cancel", (event) => event.preventDefault());
byId("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("door-key").value.trim();
  if (key === "") return (byId("door-trouble").textContent = "The key is missing.");
  byId("door-key").value = "";
  byId("door").close();
  source.use(key);
});
byId("key-change").addEventListener("click", () => {
  source.use("");
  location.reload();
});

const source = new Source(heard, changed);
void source.run();

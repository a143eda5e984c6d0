// Numbers and states in words, for the dashboard. PURE.

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const count = (value) => number.format(value);

export function seconds(value) {
  if (value < 0) return "–";
  return value < 10 ? `${value.toFixed(value < 1 ? 2 : 1)} s` : `${Math.round(value)} s`;
}

/** How long ago, or how long. */
export function span(value) {
  const whole = Math.max(0, Math.round(value));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const hours = Math.floor(whole / 3600);
  return hours < 48 ? `${hours} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min` : `${Math.floor(hours / 24)} days`;
}

export const megabytes = (value) => (value >= 1024 ? `${(value / 1024).toFixed(1)} GB` : `${Math.round(value)} MB`);

export function stateOf(node) {
  if (node.drained) return node.busy > 0 ? "draining" : "drained";
  if (node.draining) return "stopping";
  return node.ready ? "ready" : "warming up";
}

export const languages = ({ source, targets }) => `${source} → ${targets.length === 0 ? "–" : targets.join(", ")}`;

/** What a confirmation says before something is done. */
export const SURE = {
  drain: (name) => [`Drain ${name}?`, "It takes no new jobs, ends those that run, and stays up until you take it back.", "Drain"],
  undrain: (name) => [`Take ${name} back?`, "It takes jobs again at once.", "Undrain"],
  close: (name) => [`Close session ${name}?`, "It ends at once; what runs for it is dropped, and its client is told.", "Close it"],
  requeue: (name) => [`Run ${name} again?`, "Its words go into the session's transcript. Its client is told nothing.", "Requeue"],
  discard: (name) => [`Discard ${name}?`, "The notice and the audio that is kept of it are deleted.", "Discard"],
};

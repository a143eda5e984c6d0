// A line chart in SVG: some series over the last quarter of an hour, with values under the pointer or the arrow keys.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 150;
const LEFT = 40;
const TOP = 8;
const BOTTOM = 20;
const SPAN_S = 900;
const GAP_S = 5; // longer than this nobody looked: the line is broken

const PLOT_WIDTH = WIDTH - LEFT - 4;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;

/** The least of 1, 2, 5, 10, … that is no less than `value`. */
export function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= value * 0.9999);
}

/** What an SVG path takes. Values below 0 are none. */
export function pathOf(times, values, end, top) {
  let path = "";
  let before = -Infinity;
  for (let i = 0; i < times.length; i++) {
    if (values[i] < 0 || times[i] < end - SPAN_S) {
      before = -Infinity;
      continue;
    }
    const x = xOf(times[i], end).toFixed(1);
    const y = (TOP + PLOT_HEIGHT * (1 - Math.min(1, values[i] / top))).toFixed(1);
    path += `${times[i] - before > GAP_S ? "M" : "L"}${x} ${y}`;
    before = times[i];
  }
  return path;
}

const xOf = (time, end) => LEFT + PLOT_WIDTH * (1 - (end - time) / SPAN_S);

/** The index of the time next to `wanted`; -1 if there is none. */
export function nearest(times, wanted) {
  let low = 0;
  let high = times.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] < wanted) low = middle;
    else high = middle;
  }
  if (high < 0) return -1;
  return Math.abs(times[low] - wanted) <= Math.abs(times[high] - wanted) ? low : high;
}

function made(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

export class Chart {
  #times = [];
  #columns = [];
  #end = 0;
  #cursor = null; // a time, or null for the newest

  /** `series`: [{name, column}], at most four; `write(value)` is a value for people. */
  constructor({ title, series, write }) {
    this.series = series;
    this.write = write;
    this.title = title;
    this.element = document.createElement("figure");
    this.element.className = "chart";
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "group");
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    this.readout = document.createElement("p");
    this.readout.className = "readout";
    this.svg = made("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
    this.lines = series.map((_, i) => made("path", { class: `line line-${i}`, "vector-effect": "non-scaling-stroke" }));
    this.marks = [0, 0.5, 1].map((share) => {
      const y = TOP + PLOT_HEIGHT * (1 - share);
      this.svg.append(made("line", { class: "grid", x1: LEFT, x2: WIDTH - 4, y1: y, y2: y }));
      const label = made("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" });
      this.svg.append(label);
      return [share, label];
    });
    for (const minutes of [15, 10, 5, 0]) {
      const x = LEFT + PLOT_WIDTH * (1 - (60 * minutes) / SPAN_S);
      const anchor = minutes === 0 ? "end" : minutes === 15 ? "start" : "middle";
      this.svg.append(made("text", { x, y: HEIGHT - 5, "text-anchor": anchor }, minutes === 0 ? "now" : `−${minutes} min`));
    }
    this.rule = made("line", { class: "rule", y1: TOP, y2: TOP + PLOT_HEIGHT, visibility: "hidden" });
    this.svg.append(...this.lines, this.rule);
    this.element.append(caption, this.readout, this.svg);
    this.#listen();
  }

  draw(times, columns) {
    this.#times = times;
    this.#columns = columns;
    this.#end = times.at(-1) ?? 0;
    const since = this.#end - SPAN_S;
    let most = 0;
    for (const column of columns) column.forEach((value, i) => (most = times[i] >= since ? Math.max(most, value) : most));
    const top = nice(most);
    for (const [share, label] of this.marks) label.textContent = this.write(share * top);
    this.lines.forEach((line, i) => line.setAttribute("d", pathOf(times, columns[i], this.#end, top)));
    this.#read();
  }

  #listen() {
    this.svg.addEventListener("pointermove", ({ clientX }) => {
      const box = this.svg.getBoundingClientRect();
      const x = ((clientX - box.left) / box.width) * WIDTH;
      this.#point(this.#end - SPAN_S * (1 - (x - LEFT) / PLOT_WIDTH));
    });
    this.svg.addEventListener("pointerleave", () => this.#point(null));
    this.element.addEventListener("blur", () => this.#point(null));
    this.element.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -10, ArrowRight: 10, PageUp: -60, PageDown: 60 }[event.key];
      if (event.key === "Escape") this.#point(null);
      if (step === undefined) return;
      event.preventDefault();
      this.#point((this.#cursor ?? this.#end) + step);
    });
  }

  #point(time) {
    this.#cursor = time === null ? null : Math.min(Math.max(time, this.#times[0] ?? 0), this.#end);
    this.#read();
  }

  #read() {
    const at = this.#cursor === null ? this.#times.length - 1 : nearest(this.#times, this.#cursor);
    const ago = at < 0 ? 0 : Math.round(this.#end - this.#times[at]);
    const when = this.#cursor === null || ago === 0 ? "now" : `${Math.floor(ago / 60)}:${String(ago % 60).padStart(2, "0")} ago`;
    const parts = this.series.map(({ name }, i) => {
      const value = this.#columns[i]?.[at] ?? -1;
      const part = document.createElement("span");
      part.className = `key key-${i}`;
      part.textContent = `${name} ${value < 0 ? "–" : this.write(value)}`;
      return part;
    });
    const time = document.createElement("span");
    time.textContent = when;
    this.readout.replaceChildren(...parts, time);
    this.element.setAttribute("aria-label", `${this.title}, ${when}: ${parts.map((each) => each.textContent).join(", ")}`);
    this.rule.setAttribute("visibility", this.#cursor === null || at < 0 ? "hidden" : "visible");
    if (at >= 0) {
      const x = xOf(this.#times[at], this.#end);
      this.rule.setAttribute("x1", x);
      this.rule.setAttribute("x2", x);
    }
  }
}

// The parts of the dashboard, drawn again with each state. Elements stay where they are as long as what they show is
// there, so that nobody loses the focus or a press on a button.

import { count, languages, megabytes, seconds, span, stateOf } from "./dashboard-words.js";

export function element(name, options = {}, ...children) {
  const { className, ...rest } = options;
  const made = document.createElement(name);
  if (className) made.className = className;
  for (const [key, value] of Object.entries(rest)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

/** Children of `parent`, one for each item, in order: `make(item)` a new one, `update(child, item)` each time. */
export function keyed(parent, items, keyOf, make, update) {
  const there = new Map(Array.from(parent.children, (child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = there.get(key);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = key;
    }
    there.delete(key);
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of there.values()) gone.remove();
}

const put = (parent, selector, text) => {
  const found = parent.querySelector(selector);
  if (found.textContent !== text) found.textContent = text;
};

export function drawTiles(list, { queues, rates, sessions }) {
  const refusals = Object.values(rates.refusals).reduce((sum, each) => sum + each, 0);
  const tiles = [
    ["Finals waiting", count(queues.waiting), queues.waiting > 0 && "wait"],
    ["Finals in hand", count(queues.running)],
    ["Final lag p50", seconds(rates.lag?.p50 ?? -1)],
    ["p95", seconds(rates.lag?.p95 ?? -1)],
    ["p99", seconds(rates.lag?.p99 ?? -1)],
    ["Utterances a minute", count(rates.utterances_a_minute)],
    ["Audio, seconds a second", count(rates.audio)],
    ["Sessions", count(sessions.open + sessions.closing)],
    ["Partials waiting", count(queues.partials)],
    ["Batch", count(queues.batch)],
    ["Refused a minute", count(refusals), refusals > 0 && "wait"],
    ["Dead jobs", count(queues.dead), queues.dead > 0 && "bad"],
  ];
  keyed(
    list,
    tiles,
    ([name]) => name,
    ([name]) => element("div", {}, element("dt", { textContent: name }), element("dd")),
    (tile, [, value, tone]) => {
      put(tile, "dd", value);
      tile.dataset.tone = tone || "";
    },
  );
}

function bar(share) {
  const made = element("div", { className: "bar", "aria-hidden": "true" }, element("i"));
  made.firstChild.style.setProperty("--share", Math.min(1, Math.max(0, share)));
  return made;
}

const fact = (name, ...value) => element("div", {}, element("dt", { textContent: name }), element("dd", {}, ...value));

export function drawPools(list, pools, at) {
  keyed(
    list,
    pools,
    (pool) => pool.pool,
    ({ pool }) => element("article", { className: "card" }, element("h3", { textContent: pool }), element("dl", { className: "facts" })),
    (card, pool) => {
      const facts = [fact("Slots", `${pool.busy} of ${pool.slots} busy, on ${pool.nodes} ${pool.nodes === 1 ? "node" : "nodes"}`)];
      if (pool.capacity > 0) {
        facts.push(
          fact("Capacity", `${count(pool.used)} of ${count(pool.capacity)} slots’ worth of sessions`, bar(pool.used / pool.capacity)),
          fact("Streams", `room for ${count(pool.streams)}; ${count(pool.held)} are in`),
        );
      }
      const line = pool.waiting === 0 ? "nobody waits" : `${count(pool.waiting)} wait, the first for ${span(pool.waiting_s)}`;
      facts.push(fact("Line", pool.a_minute > 0 ? `${line}; ${count(pool.a_minute)} a minute are let in` : line));
      const limits = Object.entries(pool.limits);
      if (limits.length > 0) facts.push(fact("Limits", limits.map(([name, most]) => `${name}: ${count(most)}`).join(", ")));
      if (pool.closed) facts.push(fact("Closed", pool.closed));
      card.querySelector("dl").replaceChildren(...facts);
    },
  );
  if (pools.length === 0) list.replaceChildren(element("p", { className: "none", textContent: "No node is there." }));
}

export function drawNodes(list, nodes, act) {
  keyed(
    list,
    nodes,
    (node) => node.node,
    (node) =>
      element(
        "article",
        { className: "card node" },
        element("div", { className: "head" }, element("h3", { textContent: node.node }), element("span", { className: "badge" })),
        element("div", { className: "slots", role: "img" }),
        // before what changes its height, so that it stays under the hand that is about to press it
        element("button", { type: "button", onclick: (event) => act(event.currentTarget.dataset.does, node.node) }),
        element("dl", { className: "facts" }),
      ),
    (card, node) => {
      const state = stateOf(node);
      card.dataset.state = state;
      put(card, ".badge", state);
      const slots = card.querySelector(".slots");
      slots.setAttribute("aria-label", `${node.busy} of ${node.slots} slots busy`);
      if (slots.dataset.shown !== `${node.busy}/${node.slots}`) {
        slots.dataset.shown = `${node.busy}/${node.slots}`;
        slots.replaceChildren(...Array.from({ length: node.slots }, (_, i) => element("i", { className: i < node.busy ? "busy" : "" })));
      }
      card.querySelector("dl").replaceChildren(...factsOf(node));
      const button = card.querySelector("button");
      button.dataset.does = node.drained ? "undrain" : "drain";
      put(card, "button", node.drained ? "Undrain" : "Drain");
      button.setAttribute("aria-label", `${button.textContent} ${node.node}`);
    },
  );
  if (nodes.length === 0) list.replaceChildren(element("p", { className: "none", textContent: "No node is there." }));
}

function factsOf(node) {
  const facts = [
    fact("Slots", `${node.busy} of ${node.slots} busy`),
    fact("CPU", `${count(node.cpu_percent)} %`),
    fact("Others use", `${count(node.foreign_load)} %${node.dedicated ? " (dedicated)" : ""}`),
    fact("Memory", megabytes(node.memory_mb)),
  ];
  for (const gpu of node.gpus) {
    const [used, all] = [gpu.memory_used_mb, gpu.memory_total_mb];
    facts.push(fact(gpu.name, `${megabytes(used)} of ${megabytes(all)}, ${gpu.utilization_percent} % busy`, bar(used / all)));
  }
  for (const [stage, factor] of Object.entries(node.rtf)) facts.push(fact(`RTF ${stage}`, factor.toFixed(3)));
  if (node.models.length > 0) facts.push(fact("Models", node.models.join(", ")));
  if (node.drained && node.drained_by) facts.push(fact("Drained by", node.drained_by));
  facts.push(fact("Version", `${node.version}${node.device ? `, ${node.device}` : ""}; ${node.pools.join(", ")}`));
  return facts;
}

export function drawSessions(body, { sessions }, at, act) {
  keyed(
    body,
    sessions,
    (each) => each.session,
    (each) =>
      row(8, element("button", { type: "button", textContent: "Close", "aria-label": `Close ${each.session}`, onclick: () => act("close", each.session) })),
    (line, each) =>
      cells(line, [
        each.session,
        each.tenant,
        languages(each) + (each.speech ? " (spoken)" : ""),
        each.recorded ? `${each.state} (recording)` : each.state,
        span(at - each.opened),
        count(each.utterances),
        each.ingress,
      ]),
  );
}

export function drawDead(body, { jobs }, at, act) {
  keyed(
    body,
    jobs,
    (each) => each.id,
    (each) => {
      const does = (what, name) =>
        element("button", { type: "button", className: what, textContent: name, "aria-label": `${name} ${each.job}`, onclick: () => act(what, each.job, each.id) });
      const made = row(6, does("requeue", "Requeue"), does("discard", "Discard"));
      made.children[4].append(element("details", {}, element("summary"), element("ol", {}, ...each.history.map((line) => element("li", { textContent: line })))));
      return made;
    },
    (line, each) => {
      cells(line, [each.job, each.tenant || "–", each.at > 0 ? `${span(at - each.at)} ago` : "–", `${count(each.seconds)} s`]);
      const told = { requeued: "is being run again", failed: `failed again: ${each.note}` }[each.state];
      put(line, "summary", told ?? each.reason);
      line.querySelector(".requeue").disabled = !each.kept || each.state === "requeued";
    },
  );
}

function row(width, ...buttons) {
  const made = element("tr");
  for (let i = 1; i < width; i++) made.append(element("td"));
  made.append(element("td", { className: "does" }, ...buttons));
  return made;
}

const cells = (line, texts) =>
  texts.forEach((text, i) => {
    if (line.children[i].textContent !== text) line.children[i].textContent = text;
  });

export function drawProcesses(body, { processes, schedulers }) {
  const beats = new Map(schedulers.map((each) => [each.instance, each]));
  keyed(
    body,
    processes,
    (each) => `${each.role}.${each.instance}`,
    () => element("tr", {}, ...Array.from({ length: 7 }, () => element("td"))),
    (line, each) => {
      const beat = each.role === "scheduler" ? beats.get(each.instance) : undefined;
      const texts = [each.role, each.instance, beat ? count(beat.sessions) : "", beat ? count(beat.partitions) : ""];
      cells(line, [...texts, each.cpu.toFixed(2), megabytes(each.memory_mb), each.version]);
    },
  );
}

export function drawRefusals(list, { refusals, unplaced }) {
  const found = [
    ...Object.entries(refusals).map(([code, rate]) => [`clients: ${code}`, rate]),
    ...Object.entries(unplaced).map(([reason, rate]) => [`nodes for a job: ${reason}`, rate]),
  ];
  list.replaceChildren(...found.map(([name, rate]) => fact(name, count(rate))));
  if (found.length === 0) list.replaceChildren(fact("None", "0"));
}

/** Links to the pages of a list; `go(offset)`. */
export function drawPages(nav, total, offset, size, go) {
  const last = Math.min(total, offset + size);
  const text = total === 0 ? "none" : `${offset + 1}–${last} of ${total}`;
  if (nav.childElementCount === 0) {
    nav.append(
      element("button", { type: "button", textContent: "Newer", onclick: () => go(-1) }),
      element("span"),
      element("button", { type: "button", textContent: "Older", onclick: () => go(1) }),
    );
  }
  put(nav, "span", text);
  nav.children[0].disabled = offset === 0;
  nav.children[2].disabled = last >= total;
}

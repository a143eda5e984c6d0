"""The report as one page: opens from a file, needs nothing else, light or dark as the reader's system is. PURE."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from bench.load.plots import Curve, Plot, drawn
from bench.load.report import Phase, Report, Summary
from bench.load.text import TIMES

STYLE = """
:root { color-scheme: light dark; --back: #fcfcfb; --card: #ffffff; --ink: #16191d; --soft: #5b6470; --line: #e3e5e8;
  --good: #0b7a4b; --bad: #c02a2a; --c0: #2a78d6; --c1: #eb6834; --c2: #1b9e77; --c3: #7a4fc9; --c4: #c2477f;
  --c5: #a07a00; --c6: #00838f; --c7: #6b7280; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --card: #1c2024; --ink: #e8eaed; --soft: #a0a8b2;
  --line: #333940; --good: #4cc38a; --bad: #ff7b72; --c0: #6ea8fe; --c1: #ff9f6b; --c2: #4fd1a5; --c3: #b197fc;
  --c4: #f783ac; --c5: #ffd43b; --c6: #66d9e8; --c7: #adb5bd; } }
body { margin: 0 auto; max-width: 1180px; padding: 24px; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 28px 0 8px; }
.soft, .note { color: var(--soft); } .note { margin: 4px 0 0; font-size: 13px; } p.note:empty { display: none; }
code { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 6px 10px; display: block;
  overflow-x: auto; white-space: pre-wrap; }
.tiles, .plots { display: grid; gap: 14px; } .tiles { grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); }
.plots { grid-template-columns: repeat(auto-fit, minmax(460px, 1fr)); }
.tile, figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px;
  margin: 0; }
.tile b { display: block; font-size: 24px; } .good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: right; }
td:first-child, th:first-child { text-align: left; } th { font-weight: 600; color: var(--soft); }
figcaption { font-weight: 600; } svg { width: 100%; display: block; } svg text { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--line); } polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
line.limit { stroke: var(--bad); stroke-dasharray: 6 4; } .pointer { stroke: var(--soft); }
.legend { font-size: 13px; color: var(--soft); } .legend span { margin-right: 14px; white-space: nowrap; }
.legend i { display: inline-block; width: 12px; height: 3px; margin-right: 5px; vertical-align: middle; }
.legend i.limit { background: var(--bad); } output { font-size: 13px; min-height: 20px; display: block; }
""" + "".join(f"polyline.c{n} {{ stroke: var(--c{n}); }} i.c{n} {{ background: var(--c{n}); }}\n" for n in range(8))

SCRIPT = """
for (const figure of document.querySelectorAll("figure")) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const svg = figure.querySelector("svg"), line = figure.querySelector(".pointer");
  const told = figure.querySelector("output");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const x = Math.max(0, Math.min(data.right, (at - data.left) / data.width * data.right));
    const near = (xs) => xs.reduce(
      (best, each, place) => Math.abs(each - x) < Math.abs(xs[best] - x) ? place : best, 0);
    line.setAttribute("x1", at); line.setAttribute("x2", at);
    told.textContent = `${x.toFixed(1)} ${data.x}: ` + data.curves.map(
      (curve) => `${curve.name} ${curve.ys[near(curve.xs)] ?? "-"}`).join("; ");
  });
  svg.addEventListener("pointerleave", () => {
    line.setAttribute("x1", -9); line.setAttribute("x2", -9);
    told.textContent = "";
  });
}
"""


def written(report: Report) -> bytes:
    """HTML, UTF-8."""
    title = f"dragoman bench {report.kind}"
    parts = [
        f"<h1>{html.escape(title)}</h1><p class='soft'>{html.escape(_about(report))}</p>",
        f"<code>{html.escape(report.command)}</code>",
        _expectations(report),
        *(_phase(phase) for phase in report.phases),
        f"<h2>How it went</h2><div class='plots'>{''.join(drawn(plot) for plot in plots(report))}</div>",
        _processes(report),
        _notes(report),
    ]
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head><body>{''.join(parts)}"
        f"<script>{SCRIPT}</script></body></html>\n"
    ).encode()


def _about(report: Report) -> str:
    machine = report.machine
    return (
        f"{report.date}, commit {report.commit or report.version}; {machine.cores} cores ({machine.cpu}), "
        f"{machine.memory_mb / 1000:.0f} GB, {machine.system}, Python {machine.python}, nats-server {machine.nats}; "
        f"against {report.fleet}; {report.seconds:.0f} s"
    )


def _expectations(report: Report) -> str:
    rows = [
        (each.what, each.asked, each.found, f"<b class='{'good' if each.held else 'bad'}'>{_held(each.held)}</b>")
        for each in report.expectations
    ]
    broken = "".join(f"<p class='bad'>{html.escape(what)}</p>" for what in report.broken)
    trust = report.generator
    told = (
        f"<p class='{'bad' if trust.saturated else 'soft'}'>{html.escape(trust.verdict)}</p>" if trust.processes else ""
    )
    if not rows:
        return broken + told
    return f"<h2>What was expected</h2>{_table(('', 'asked', 'found', ''), rows, raw=3)}{broken}{told}"


def _held(held: bool) -> str:
    return "held" if held else "broken"


def _phase(phase: Phase) -> str:
    tiles = [
        ("success", f"{phase.success_rate:.2%}", "good" if not phase.failed else "bad"),
        ("clients", f"{phase.clients:,}", ""),
        ("let in", f"{phase.admitted:,}", ""),
        ("in line to the end", f"{phase.in_line:,}", ""),
        ("refused", f"{phase.refused:,}", ""),
        ("never answered", f"{phase.unanswered:,}", "bad" if phase.unanswered else ""),
        ("finals", f"{phase.utterances:,}", ""),
        ("lost, repeated, wrong, late", f"{phase.lost}, {phase.repeated}, {phase.wrong}, {phase.late}", ""),
    ]
    rows = []
    for name, title in TIMES:
        times: Summary = getattr(phase, name)
        if times.count:
            values = (times.p50, times.p95, times.p99, times.max)
            rows.append((title.strip(), f"{times.count:,}", *(f"{value:.3f}" for value in values)))
    told = "".join(
        f"<p>{title}: {html.escape(', '.join(f'{what} ({count})' for what, count in reasons.items()))}</p>"
        for title, reasons in (("Failed", phase.reasons), ("Refused", phase.refusals))
        if reasons
    )
    shown = "".join(f"<div class='tile'>{name}<b class='{look}'>{value}</b></div>" for name, value, look in tiles)
    return (
        f"<h2>{html.escape(phase.name)}</h2><div class='tiles'>{shown}</div>{told}"
        + _table(("seconds", "count", "p50", "p95", "p99", "max"), rows)
    )  # fmt: skip


def plots(report: Report) -> list[Plot]:
    series, lag = report.series, report.settings.get("lag_s", "")
    limit = float(lag) if lag else None
    seconds = [float(at) for at in range(1, len(series.inside) + 1)]
    lags = [
        Curve(name, seconds, [value or None for value in values])
        for name, values in (("p50", series.lag_p50), ("p99", series.lag_p99))
    ]
    shares = [
        Curve(phase.name, phase.lags, [100 * (at + 1) / len(phase.lags) for at in range(len(phase.lags))])
        for phase in report.phases
        if phase.lags
    ]
    return [
        Plot("Clients", "s", "", [
            Curve("let in", seconds, series.inside), Curve("in line", seconds, series.line),
            Curve("outside", seconds, series.outside), Curve("refused", seconds, series.refused),
        ]),
        Plot("Final lag of each second", "s", "s", lags, limit, note="From the end of a voice to its final."),
        Plot("Share of finals that came within", "s", "%", shares, top=100.0),
        Plot("Finals a second", "s", "", [Curve("finals", seconds, series.finals)]),
        Plot("CPU", "s", "% of a core", _used(report, "cpu")),
        Plot("Memory", "s", "MB", _used(report, "memory")),
    ]  # fmt: skip


def _used(report: Report, what: str) -> list[Curve]:
    found = []
    for process in report.processes:
        values: list[float] = getattr(process, what)
        found.append(Curve(process.name, [float(at) for at in range(1, len(values) + 1)], values))
    return found


def _processes(report: Report) -> str:
    rows = [
        (each.name, f"{each.cpu_mean:.0f} %", f"{each.cpu_peak:.0f} %", f"{each.memory_mean:.0f} MB",
         f"{each.memory_peak:.0f} MB")
        for each in report.processes
    ]  # fmt: skip
    if not rows:
        return ""
    return "<h2>Processes</h2>" + _table(("", "CPU mean", "CPU peak", "memory mean", "memory peak"), rows)


def _notes(report: Report) -> str:
    asked = ", ".join(f"{name} {value}" for name, value in report.settings.items() if value)
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in report.notes)
    return f"<h2>Notes</h2>{notes}<p class='soft'>Asked: {html.escape(asked)}.</p>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], raw: int = -1) -> str:
    """`raw`: the column that is HTML already."""
    head = "".join(f"<th>{html.escape(each)}</th>" for each in heads)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{cell if at == raw else html.escape(cell)}</td>" for at, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"

"""The report as text: for a terminal, and for docs/measurements.md. PURE."""

from __future__ import annotations

from collections.abc import Iterator

from bench.load.report import Phase, Report, Summary

TIMES = (
    ("connected", "connected (TCP and upgrade)"),
    ("answered", "first answer, of any kind"),
    ("started", "  let in at once"),
    ("lined_up", "  told a place in line"),
    ("turned_away", "  refused"),
    ("away", "back, from the loss on"),
    ("waited", "waited in line, and let in"),
    ("silence", "longest silence of the server"),
    ("first_text", "first text, from the first sample on"),
    ("lag", "final lag, from the end of the voice on"),
)


def written(report: Report) -> str:
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    machine = report.machine
    yield f"$ {report.command}"
    yield (
        f"{report.date}, commit {report.commit or report.version}, {machine.cores} cores ({machine.cpu}), "
        f"{machine.memory_mb / 1000:.0f} GB, {machine.system}, Python {machine.python}, nats-server {machine.nats}, "
        f"load before {machine.load_before:.2f}"
    )
    yield f"against {report.fleet}; {report.seconds:.0f} s"
    for phase in report.phases:
        yield ""
        yield from _phase(phase)
    if report.processes:
        yield ""
        yield f"{'process':<18}{'CPU mean':>10}{'peak':>8}{'memory mean':>14}{'peak':>10}"
        for each in report.processes:
            yield (
                f"{each.name:<18}{each.cpu_mean:>8.0f} %{each.cpu_peak:>6.0f} %{each.memory_mean:>11.0f} MB"
                f"{each.memory_peak:>7.0f} MB"
            )
        busy = report.busy or [0.0]
        yield f"all cores busy: {sum(busy) / len(busy):.0f} % (mean), {max(busy):.0f} % (peak)"
    yield ""
    if report.generator.processes:
        yield report.generator.verdict
    yield from report.notes
    yield from (f"BROKEN: {what}" for what in report.broken)
    for held in report.expectations:
        yield f"{'held' if held.held else 'BROKEN'}: {held.what}: {held.found} ({held.asked} expected)"


def _phase(phase: Phase) -> Iterator[str]:
    yield (
        f"{phase.name}: {phase.clients} clients: {phase.success} success, {phase.failed} failed, {phase.in_line} in "
        f"line to the end, {phase.refused} refused; success {phase.success_rate:.2%} of those let in or unanswered"
    )
    yield f"  let in {phase.admitted}, never answered {phase.unanswered}, finals {phase.utterances}" + (
        f": {phase.lost} lost, {phase.repeated} repeated, {phase.wrong} wrong, {phase.late} late"
    )
    for title, reasons in (("failed", phase.reasons), ("refused", phase.refusals)):
        if reasons:
            yield f"  {title}: " + ", ".join(f"{reason} ({count})" for reason, count in reasons.items())
    yield f"  {'seconds':<42}{'count':>7}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}"
    for name, title in TIMES:
        times: Summary = getattr(phase, name)
        if times.count:
            yield (f"  {title:<42}{times.count:>7}{times.p50:>9.3f}{times.p95:>9.3f}{times.p99:>9.3f}{times.max:>9.3f}")

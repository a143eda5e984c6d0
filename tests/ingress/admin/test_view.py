from __future__ import annotations

from ingress.admin.showing import SessionBrief, SessionSeen
from ingress.admin.view import View
from tests.inbox import beside
from tests.waiting import until
from tests.wire.test_matching import NODE
from wire import subjects, topology
from wire.bus import Bus


async def test_what_has_fallen_silent_is_not_shown(bus: Bus) -> None:
    now = 0.0
    view = View(bus, lambda: now)
    view.nodes.apply("a", NODE)
    now = 3 * topology.HEARTBEAT_S
    assert view.nodes.items() == {"a": NODE}
    now += 0.1
    assert view.nodes.items() == {}
    view.nodes.apply("a", NODE)
    view.nodes.apply("a", None)
    assert view.nodes.items() == {}


async def test_sessions_that_are_not_over_are_shown_the_newest_first(bus: Bus) -> None:
    view = View(bus)
    for name, phase, opened in (("s1", "open", 1.0), ("s2", "closed", 2.0), ("s3", "closing", 3.0)):
        brief = SessionBrief(session=name, phase=phase, opened_at=opened)
        await view.sessions.bucket.put(subjects.session_key(name), SessionSeen(state=brief))
    await view.nodes.bucket.put("a", NODE)

    async def there() -> bool:
        return [each.session for each in view.live()] == ["s3", "s1"] and bool(view.nodes.items())

    async with beside(view.follow()):
        await until(there)

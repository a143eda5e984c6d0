from __future__ import annotations

from pathlib import Path

from cli import first_key, keys
from tests.nats_server import NatsServer
from wire.bus import Bus
from wire.env import IngressSettings


async def test_it_is_made_once_and_only_where_others_can_come(server: NatsServer) -> None:
    for settings in (
        IngressSettings(),
        IngressSettings(host="::1"),
        IngressSettings(host="0.0.0.0", auth="off"),
        IngressSettings(host="0.0.0.0", jwt_keys="keys.pem"),
    ):
        assert await first_key.made(server.url, settings) == ""
    async with Bus.connect(server.url, "test") as bus:
        await bus.declare()
        assert not await keys.exist(bus)
        made = await first_key.made(server.url, IngressSettings(host="0.0.0.0"))
        assert made.startswith("dgm_")
        assert await keys.exist(bus)
        assert await first_key.made(server.url, IngressSettings(host="0.0.0.0")) == ""


def test_a_terminal_shows_it_and_a_log_does_not(tmp_path: Path) -> None:
    assert any("dgm_x" in line for line in first_key.told("dgm_x", tmp_path, watched=True))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / first_key.FILE).write_text("an old one")
    (tmp_path / first_key.FILE).chmod(0o644)
    lines = "\n".join(first_key.told("dgm_y", tmp_path, watched=False))
    assert "dgm_y" not in lines
    assert "once" not in lines
    path = tmp_path / first_key.FILE
    assert str(path) in lines
    assert path.read_text() == "dgm_y\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(first_key.told("", tmp_path, watched=False)) == []

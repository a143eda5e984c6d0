from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from cli import nats_users
from wire import nkeys
from wire.errors import SettingsError


def users(folder: Path) -> dict[str, str]:
    """Name -> public key, as users.conf has them."""
    return dict(re.findall(r"\{ # (\S+)\n    nkey: (\w+)", (folder / "users.conf").read_text()))


def test_each_role_has_a_user_whose_key_only_its_owner_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert nats_users.main(["--out", str(tmp_path / "nats")]) == 0
    folder = tmp_path / "nats"
    assert list(users(folder)) == ["ingress", "scheduler", "node", "site", "exporter", "operator"]
    for name, public in users(folder).items():
        secret = folder / f"{name}.nk"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert nkeys.public_of(secret.read_text().strip()) == public
    told = (folder / "users.conf").read_text() + (folder / "system.conf").read_text()
    assert not any(secret.read_text().strip() in told for secret in folder.glob("*.nk"))
    assert str(folder / "ingress.nk") in capsys.readouterr().out
    assert re.search(r"nkey: U\w{55}", (folder / "system.conf").read_text())


def test_a_node_that_is_named_has_a_user_for_its_pools_alone(tmp_path: Path) -> None:
    given = ["--out", str(tmp_path), "--node", "gpu-1", "--node", "gpu-2", "--pool", "night"]
    assert nats_users.main(given) == 0
    assert {"node-gpu-1", "node-gpu-2"} < set(users(tmp_path))
    text = (tmp_path / "users.conf").read_text()
    assert '"$KV.nodes.gpu-1"' in text
    assert '"$JS.ACK.JOBS.pool-night.>"' in text
    assert "pool-default" not in text


def test_keys_stay_when_a_node_is_added(tmp_path: Path) -> None:
    nats_users.main(["--out", str(tmp_path), "--node", "a"])
    before = users(tmp_path)
    nats_users.main(["--out", str(tmp_path), "--node", "a", "--node", "b"])
    after = users(tmp_path)
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"node-b"}


def test_what_cannot_be_a_name_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'gpu 1' is not a usable name"):
        nats_users.main(["--out", str(tmp_path), "--node", "gpu 1"])
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"--out .*file: "):
        nats_users.main(["--out", str(tmp_path / "file")])
    (tmp_path / "ingress.nk").write_text("broken")
    with pytest.raises(SettingsError, match=r"ingress\.nk is no key"):
        nats_users.main(["--out", str(tmp_path)])
    assert os.listdir(tmp_path)

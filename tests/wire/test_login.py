from __future__ import annotations

import ssl
from pathlib import Path

import msgspec
import pytest

from tests import nats_server
from tests.ingress import certificates
from tests.wire.test_nkeys import CREDS, PUBLIC, SEED
from wire import login
from wire.bus import Bus
from wire.env import Settings
from wire.errors import NatsUnavailable, SettingsError


def test_without_settings_a_process_is_nobody() -> None:
    assert login.of(Settings()) == login.NOBODY
    assert login.NOBODY.public_key is None


def test_a_seed_alone_is_known_by_its_public_key(tmp_path: Path) -> None:
    file = tmp_path / "node.nk"
    file.write_text(SEED + "\n")
    found = login.of(Settings(nats_creds=str(file)))
    assert (found.seed, found.public_key, found.source) == (SEED, PUBLIC, str(file))
    assert found.sign("nonce")


def test_with_a_jwt_the_server_reads_that(tmp_path: Path) -> None:
    file = tmp_path / "user.creds"
    file.write_text(CREDS)
    found = login.of(Settings(nats_creds=str(file)))
    assert (found.public_key, found.show_jwt()) == (None, b"eyJ0.eyJq.c2ln")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nats_creds", "nats_creds: .* cannot be used: No such file"),
        ("nats_ca", "nats_ca: .* cannot be used: No such file"),
        ("nats_cert", "nats_cert and nats_key: .* cannot be used: No such file"),
        ("nats_key", "nats_key is of no use without nats_cert"),
    ],
)
def test_a_file_that_is_not_there_is_named(name: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        login.of(msgspec.convert({name: "/nowhere/file"}, Settings))


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("nothing of that kind")
    with pytest.raises(SettingsError, match="there is no user's nkey seed"):
        login.of(Settings(nats_creds=str(file)))
    with pytest.raises(SettingsError, match=r"nats_ca: .*file cannot be used"):
        login.of(Settings(nats_ca=str(file)))


def test_a_certificate_makes_a_tls_context_that_checks_the_server(tmp_path: Path) -> None:
    cert, key = map(str, certificates.write(tmp_path))
    found = login.of(Settings(nats_ca=cert, nats_cert=cert, nats_key=key))
    assert found.tls is not None
    assert found.tls.verify_mode is ssl.CERT_REQUIRED
    assert login.of(Settings(nats_cert=cert, nats_key=key)).tls is not None
    assert login.of(Settings(nats_ca=cert)).tls is not None


async def test_a_server_that_does_not_know_the_user_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    with nats_server.running(tmp_path, ["--user", "me", "--pass", "right"]) as server:
        stranger = Bus.connect(server.url, "test", login.Login(seed=SEED, source="mine.nk"), patience=0.4)
        with pytest.raises(NatsUnavailable, match=r"does not know the user of mine\.nk"):
            await stranger.__aenter__()

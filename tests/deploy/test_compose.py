"""deploy/compose.yaml against the code: it was never run, but it names nothing that is not there."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.deploy.settings import DEPLOY, checked, grace
from tests.nats_server import CONFIG
from wire import permissions

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if str(service["image"]).startswith("dragoman")]
MADE = "./secrets/nats"
"""By `dragoman nats-users` and whoever signs certificates; never in the repository."""


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


@pytest.mark.parametrize("name", OURS)
def test_commands_and_settings_are_there_and_it_may_end_in_good_order(name: str) -> None:
    service = SERVICES[name]
    settings = checked(service["command"], service["environment"])
    assert settings.nats_creds.startswith("/run/secrets/")
    secret = settings.nats_creds.removeprefix("/run/secrets/")
    assert {secret, "nats_ca"} == set(service["secrets"])
    assert secret in permissions.roles((CONFIG.parent / "roles.toml").read_text(encoding="utf-8"))
    if service["restart"] != "no":
        assert seconds(service["stop_grace_period"]) > grace(settings)
        assert settings.monitor_port == 9100


def test_no_container_of_ours_can_write_its_root_or_gain_rights() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_nothing_is_open_to_others_and_no_password_is_one_that_everybody_knows() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert (
        SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD:-}"
    )  # empty: it does not start
    assert SERVICES["grafana"]["environment"]["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"


def test_files_and_volumes_that_are_named_are_there() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith(MADE) or source.startswith("/"):
                continue
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], (
                name,
                source,
            )
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert set(service.get("depends_on", ())) <= set(SERVICES)
    assert all(secret["file"].startswith(MADE) for secret in COMPOSE["secrets"].values())
    ignored = (DEPLOY.parent / ".gitignore").read_text() + (DEPLOY.parent / ".dockerignore").read_text()
    assert ignored.count("deploy/secrets") == 2, "keys belong in no repository and no image"


def test_nats_runs_on_our_file() -> None:
    nats = SERVICES["nats"]
    assert (CONFIG.parent / nats["command"][1]).is_file()
    assert nats["volumes"][0].split(":")[1] == nats["working_dir"]


def test_prometheus_asks_services_that_are_there() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "compose.yml").read_text())["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    assert set(names["names"]) == {name for name in OURS if SERVICES[name]["restart"] != "no"}
    assert names["port"] == 9100

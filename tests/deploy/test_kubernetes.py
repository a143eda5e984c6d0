"""deploy/kubernetes against the code and itself: it was never applied, but it names nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.settings import DEPLOY, checked, grace
from wire import metrics

FOLDER = DEPLOY / "kubernetes"
Json = dict[str, Any]


def documents(path: Path) -> list[Json]:
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


RESOURCES = [
    each for path in sorted(FOLDER.rglob("*.yaml")) if path.stem != "kustomization" for each in documents(path)
]
DEPLOYMENTS = [each for each in RESOURCES if each["kind"] == "Deployment"]


def named(each: Json) -> str:
    return f"{each['kind']} {each['metadata']['name']}"


def pod(each: Json) -> Json:
    found: Json = each["spec"]["template"]
    return found


def container(each: Json) -> Json:
    (found,) = pod(each)["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("each", DEPLOYMENTS, ids=named)
def test_commands_and_settings_are_there_and_it_may_end_in_good_order(each: Json) -> None:
    mine = container(each)
    variables = {item["name"]: item.get("value", "gpu-1") for item in mine["env"]}
    settings = checked(mine["args"], variables)
    ports = {port["name"]: port["containerPort"] for port in mine["ports"]}
    assert ports["monitor"] == settings.monitor_port
    assert ports.get("http", 8080) == getattr(settings, "port", 8080)
    before = float(mine.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", "0"])[1])
    assert pod(each)["spec"]["terminationGracePeriodSeconds"] > before + grace(settings)
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert mine[probe]["httpGet"] == {"path": path, "port": "monitor"}


@pytest.mark.parametrize("each", [each for each in RESOURCES if "template" in each.get("spec", {})], ids=named)
def test_no_container_can_write_its_root_or_gain_rights(each: Json) -> None:
    spec, mine = pod(each)["spec"], container(each)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert mine["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert {"cpu", "memory"} <= set(mine["resources"]["requests"])
    assert "memory" in mine["resources"]["limits"]
    claims = {each["metadata"]["name"] for each in each["spec"].get("volumeClaimTemplates", ())}
    volumes = {volume["name"] for volume in spec["volumes"]} | claims
    assert {mount["name"] for mount in mine["volumeMounts"]} == volumes


@pytest.mark.parametrize("each", DEPLOYMENTS, ids=named)
def test_paths_in_settings_are_mounted(each: Json) -> None:
    mounts = [mount["mountPath"] for mount in container(each)["volumeMounts"]]
    for item in container(each)["env"]:
        if str(item.get("value", "")).startswith("/"):
            assert any(item["value"].startswith(mount) for mount in mounts), item


def test_selectors_find_what_they_are_for() -> None:
    labels = [pod(each)["metadata"]["labels"] for each in RESOURCES if "template" in each.get("spec", {})]
    for each in RESOURCES:
        spec = each.get("spec", {})
        for wanted in (spec.get("podSelector", {}).get("matchLabels"), _selector(spec.get("selector", {}))):
            if wanted:
                assert any(wanted.items() <= mine.items() for mine in labels), named(each)
        if each["kind"] in ("Deployment", "StatefulSet"):
            assert _selector(spec["selector"]).items() <= pod(each)["metadata"]["labels"].items()
    budgets = {_selector(each["spec"]["selector"]).get("app.kubernetes.io/component", "nats")
               for each in RESOURCES if each["kind"] == "PodDisruptionBudget"}  # fmt: skip
    assert budgets == {"scheduler", "ingress", "node", "nats"}


def _selector(selector: Json) -> Json:
    return dict(selector.get("matchLabels", selector))


def test_two_deployments_never_select_the_same_pods() -> None:
    chosen = [tuple(sorted(each["spec"]["selector"]["matchLabels"].items())) for each in DEPLOYMENTS]
    assert len(set(chosen)) == len(chosen)


def test_scalers_ask_for_metrics_that_are_there_and_scale_what_is_there() -> None:
    names = {family.name for registry in (metrics.SCHEDULER, metrics.NODE) for family in registry.collect()}
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    for each in RESOURCES:
        if each["kind"] in ("ScaledObject", "HorizontalPodAutoscaler"):
            assert each["spec"]["scaleTargetRef"]["name"] in {each["metadata"]["name"] for each in DEPLOYMENTS}
        for trigger in each.get("spec", {}).get("triggers", ()):
            for name in re.findall(r"dragoman_\w+", trigger["metadata"]["query"]):
                metric = name.removesuffix("_bucket")
                assert metric in names or f'"{metric}"' in source, name


def test_kustomizations_name_files_that_are_there_and_leave_none_out() -> None:
    for path in FOLDER.rglob("kustomization.yaml"):
        (found,) = documents(path)
        files = {name for name in found["resources"] if name.endswith(".yaml")}
        assert files == {each.name for each in path.parent.glob("*.yaml")} - {path.name}
        images = {each["name"] for each in found["images"]}
        used = {container(each)["image"] for name in files for each in documents(path.parent / name) if "template" in
                each.get("spec", {})}  # fmt: skip
        assert {image for image in used if image.startswith("dragoman")} == images


def test_nats_servers_know_each_other_by_the_names_of_their_pods() -> None:
    (nats,) = [each for each in RESOURCES if each["kind"] == "StatefulSet"]
    arguments = container(nats)["args"]
    assert (DEPLOY / "nats" / arguments[0].removeprefix("-c=")).is_file()
    (routes,) = [each.removeprefix("--routes=") for each in arguments if each.startswith("--routes=")]
    service = nats["spec"]["serviceName"]
    assert routes.split(",") == [f"nats://nats-{at}.{service}:6222" for at in range(nats["spec"]["replicas"])]
    assert service in {each["metadata"]["name"] for each in RESOURCES if each["kind"] == "Service"}

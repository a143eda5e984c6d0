"""The shape of the code, held by tests: who may import whom, what is pure, and that names are written once.

Everything here reads the source with `ast`; nothing is run. A failure names the file and what to do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from wire import env, subjects, topology

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("wire", "actors", "node_runtime", "ingress", "cli", "deploy")
MAX_LINES = 400

PURE = (
    "actors/session.py",
    "actors/endpointing.py",
    "actors/captions.py",
    "actors/dispatch.py",
    "actors/context.py",
    "ingress/browser.py",
    "ingress/delivery.py",
    "cli/summary.py",
)
"""Pure whether they say so or not; any other file joins by writing PURE into its module docstring."""

IMPURE = {
    "aiohttp", "asyncio", "av", "concurrent", "ctranslate2", "datetime", "faster_whisper", "multiprocessing", "nats",
    "onnxruntime", "os", "piper", "random", "secrets", "socket", "soxr", "structlog", "subprocess", "tempfile",
    "threading", "time", "uuid", "uvloop",
    "wire.bus", "wire.connection", "wire.declare", "wire.declaring", "wire.follow", "wire.kv", "wire.fleet", "wire.log",
    "wire.process", "wire.spans", "wire.otlp",
}  # fmt: skip
"""What reads a clock, draws a number, does I/O or computes with a model."""

DOORS = {"wire/bus.py", "wire/connection.py", "wire/declare.py", "wire/declaring.py", "wire/follow.py"}
"""The only files that may import nats."""


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(module: ast.AST) -> set[str]:
    """Dotted names imported anywhere below `module`: `from a import b` counts as both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import on line {node.lineno}: write it out"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def prefixes(dotted: str) -> Iterator[str]:
    parts = dotted.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def texts(module: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, text) of each string and f-string, docstrings left out; a placeholder reads as '{}'."""
    skipped: set[int] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # docstrings
            skipped.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            skipped |= {id(part) for part in node.values}
            yield node.lineno, "".join(map(str, parts))
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def pure_files() -> list[Path]:
    declared = {path for path in sources(*PACKAGES) if "PURE" in (ast.get_docstring(tree(path)) or "")}
    return sorted(declared | {ROOT / name for name in PURE if (ROOT / name).exists()})


@pytest.mark.parametrize("path", pure_files(), ids=named)
def test_pure_files_do_no_io_and_read_no_clock(path: Path) -> None:
    found = {name for dotted in imports(tree(path)) for name in prefixes(dotted)} & IMPURE
    assert not found, f"{named(path)} is PURE but imports {sorted(found)}"


@pytest.mark.parametrize("path", pure_files(), ids=named)
def test_pure_files_import_only_pure_files_of_their_own_package(path: Path) -> None:
    pure = {named(each).removesuffix(".py").replace("/", ".") for each in pure_files()}
    package = named(path).split("/")[0]
    if package == "wire":
        return  # IMPURE names those of its modules that are not
    modules = {named(each).removesuffix(".py").replace("/", ".") for each in sources(package)}
    found = {name for name in imports(tree(path)) if name in modules and not name.endswith("__init__")} - pure
    assert not found, f"{named(path)} is PURE but imports {sorted(found)}, which do not say so"


def test_the_session_actor_is_declared_pure() -> None:
    files = {named(path) for path in pure_files()}
    assert "actors/session.py" in files or not (ROOT / "actors/session.py").exists()


def test_only_the_bus_imports_nats() -> None:
    guilty = [
        named(path)
        for path in sources(*PACKAGES, "bench")
        if named(path) not in DOORS and any(name.split(".")[0] == "nats" for name in imports(tree(path)))
    ]
    assert not guilty, f"{guilty} import nats: go through wire.bus"


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_toward_wire(package: str) -> None:
    others = set(PACKAGES) - {package, "wire", "deploy"}
    for path in sources(package):
        allowed = set(PACKAGES) if named(path) == "cli/main.py" else set()
        module = tree(path)
        sideways = {name.split(".")[0] for name in imports(module)} & others - allowed
        assert not sideways, f"{named(path)} imports sideways: {sorted(sideways)}"
        at_the_top = {name.split(".")[0] for node in module.body for name in imports(node) if not _is_lazy(node)}
        assert not at_the_top & others, f"{named(path)} imports {at_the_top & others} at its top: import it lazily"


def _is_lazy(node: ast.stmt) -> bool:
    """Imports inside a function run when it is called."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


@pytest.mark.parametrize("folder", [*PACKAGES, "bench", "tests"])
def test_no_file_is_longer_than_one_reading(folder: str) -> None:
    long = {named(path): count for path in sources(folder) if (count := _lines(path)) > MAX_LINES}
    assert not long, f"over {MAX_LINES} lines: {long}: split by job"


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


SUBJECT = re.compile(
    r"(?!speech\.audio\.|transcript\.text\.)"
    r"(mailbox|job|partial|event|speech|dead|transcript|live|stored|\$KV|\$JS)\.[{}\w*>-]*[.*>{}].*"
)


def test_subjects_are_written_in_one_file() -> None:
    """Names of client events ('speech.started') have two words, or are OpenAI's ('speech.audio.delta'); subjects hold a
    placeholder or a wildcard."""
    allowed = {"wire/subjects.py", "wire/kv.py", "wire/declare.py", "wire/permissions.py"}
    guilty = [
        f"{named(path)}:{line}: {text!r}"
        for path in sources(*PACKAGES, "bench")
        if named(path) not in allowed
        for line, text in texts(tree(path))
        if SUBJECT.fullmatch(text)
    ]
    assert not guilty, "subjects belong in wire/subjects.py:\n" + "\n".join(guilty)


def test_names_of_streams_and_buckets_are_written_in_one_file() -> None:
    names = {stream.name for stream in topology.STREAMS} | {f"KV_{bucket.name}" for bucket in topology.BUCKETS}
    guilty = [
        f"{named(path)}:{line}: {text!r}"
        for path in sources(*PACKAGES, "bench")
        if named(path) != "wire/subjects.py"
        for line, text in texts(tree(path))
        if text in names
    ]
    assert not guilty, "names of streams belong in wire/subjects.py:\n" + "\n".join(guilty)


def test_every_setting_is_read_by_somebody() -> None:
    """A limit written in a config and never read limits nothing."""
    read = {name for path in sources(*PACKAGES) if named(path) != "wire/env.py" for name in attributes(tree(path))}
    unread = {f"{kind.__name__}.{name}" for kind in env.ALL for name in kind.__struct_fields__ if name not in read}
    assert not unread, f"nobody reads {sorted(unread)}: use it or delete it"


def attributes(module: ast.AST) -> set[str]:
    """Names read as `something.name`; methods that are called (`path.open()`) are no settings."""
    nodes = list(ast.walk(module))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and id(node) not in called
    }


def test_tests_wait_for_conditions_and_never_sleep() -> None:
    """tests/waiting.py has the one loop that looks again and again."""
    guilty = [
        f"{named(path)}:{node.lineno}"
        for path in sources("tests")
        if named(path) != "tests/waiting.py"
        if named(path) != "tests/waiting.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", "") == "sleep" or getattr(node.func, "id", "") == "sleep")
    ]
    assert not guilty, f"wait for what must happen (tests/waiting.py) instead of sleeping: {guilty}"


def test_no_error_is_swallowed_unseen() -> None:
    guilty = [
        f"{named(path)}:{handler.lineno}"
        for path in sources(*PACKAGES, "bench")
        for handler in ast.walk(tree(path))
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or getattr(handler.type, "id", "") in ("Exception", "BaseException"))
        and all(isinstance(statement, ast.Pass) for statement in handler.body)
    ]
    assert not guilty


def test_each_module_has_its_tests() -> None:
    """tests/<package>/test_<module>.py or a file there whose name begins so; for plain data, one that imports it."""
    missing = []
    for path in sources("wire", "actors", "node_runtime", "ingress", "cli"):
        folder = ROOT / "tests" / path.parent.relative_to(ROOT)
        dotted = named(path).removesuffix(".py").replace("/", ".")
        if (
            path.stem not in ("__init__", "__main__")
            and not list(folder.glob(f"test_{path.stem}*.py"))
            and not any(dotted in imports(tree(test)) for test in folder.glob("test_*.py"))
        ):
            missing.append(named(path))
    assert not missing, f"no test for {missing}"


def test_the_reader_finds_subjects_where_code_uses_them() -> None:
    """The scanner itself: an f-string subject and a literal one are seen, docstrings and event names are not."""
    code = '"""mailbox.{p}.x"""\na = f"mailbox.{p}.{s}.client"\nb = "event.*"\nc = "speech.started"\n'
    assert [text for _, text in texts(ast.parse(code)) if SUBJECT.fullmatch(text)] == [
        "mailbox.{}.{}.client",
        "event.*",
    ]


def test_the_topology_uses_the_names_of_the_subjects_file() -> None:
    names = {name: value for name, value in vars(subjects).items() if name.isupper() and isinstance(value, str)}
    assert {bucket.name for bucket in topology.BUCKETS} == {names[name] for name in names if name.endswith("_KV")}
    assert {stream.name for stream in topology.STREAMS} == {names[name] for name in names if names[name] == name}


def test_a_changelog_tells_users_what_changed() -> None:
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").startswith("# Changelog")

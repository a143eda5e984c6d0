"""Entries as SQL. PURE.

Every statement may be run twice, and any two in any order, with the same rows as the end: words win over a failure,
what was told later over what was told earlier, and nothing is written of a session that was deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from wire.history import AnyEntry, Failed, LanguagesChosen, Rendered, Said, SessionBegan, SessionEnded

LOCK = """
    select pg_advisory_xact_lock(key)
    from (select distinct hashtextextended(name, 0) as key from unnest($1::text[]) as name order by key) as keys
"""
"""One transaction at a time for each session, in one order for all: rows of a session that another deletes in that very
moment do not come back, and nobody waits in a circle."""

_ALIVE = "where not exists (select from dragoman.erased where tenant = $1 and session = $2)"

BEGAN = f"""
    insert into dragoman.sessions as old (tenant, session, began, source, targets, between_languages, languages_at)
    select
        $1::text, $2::text, to_timestamp($3::float8), $4::text, $5::text[], $6::text[], to_timestamp($7::float8)
    {_ALIVE}
    on conflict (tenant, session) do update set
        began = coalesce(excluded.began, old.began),
        source = case when {{newer}} then excluded.source else old.source end,
        targets = case when {{newer}} then excluded.targets else old.targets end,
        between_languages = case when {{newer}} then excluded.between_languages else old.between_languages end,
        languages_at = case when {{newer}} then excluded.languages_at else old.languages_at end
""".replace("{newer}", "old.languages_at is null or excluded.languages_at >= old.languages_at")

ENDED = f"""
    insert into dragoman.sessions (tenant, session, ended, reason)
    select $1::text, $2::text, to_timestamp($3::float8), $4::text {_ALIVE}
    on conflict (tenant, session) do update set ended = excluded.ended, reason = excluded.reason
"""

SAID = f"""
    insert into dragoman.utterances as old
        (tenant, session, utterance, told_at, start_s, end_s, language, text, words)
    select
        $1::text, $2::text, $3::integer, to_timestamp($4::float8), $5::float8, $6::float8, $7::text, $8::text, $9::jsonb
    {_ALIVE}
    on conflict (tenant, session, utterance) do update set
        told_at = excluded.told_at, start_s = excluded.start_s, end_s = excluded.end_s, language = excluded.language,
        text = excluded.text, words = excluded.words, error_code = null, error_message = null
    where old.text is null or excluded.told_at >= old.told_at
"""

UNSAID = f"""
    insert into dragoman.utterances as old (tenant, session, utterance, told_at, error_code, error_message)
    select $1::text, $2::text, $3::integer, to_timestamp($4::float8), $5::text, $6::text {_ALIVE}
    on conflict (tenant, session, utterance) do update set
        told_at = excluded.told_at, error_code = excluded.error_code, error_message = excluded.error_message
    where old.text is null
"""

RENDERED = f"""
    insert into dragoman.translations as old (tenant, session, utterance, language, told_at, text)
    select $1::text, $2::text, $3::integer, $4::text, to_timestamp($5::float8), $6::text {_ALIVE}
    on conflict (tenant, session, utterance, language) do update set
        told_at = excluded.told_at, text = excluded.text, error_code = null, error_message = null
    where old.text is null or excluded.told_at >= old.told_at
"""

UNRENDERED = f"""
    insert into dragoman.translations as old
        (tenant, session, utterance, language, told_at, error_code, error_message)
    select $1::text, $2::text, $3::integer, $4::text, to_timestamp($5::float8), $6::text, $7::text {_ALIVE}
    on conflict (tenant, session, utterance, language) do update set
        told_at = excluded.told_at, error_code = excluded.error_code, error_message = excluded.error_message
    where old.text is null
"""

ERASED = """
    insert into dragoman.erased (tenant, session, erased_at) values ($1, $2, to_timestamp($3::float8))
    on conflict (tenant, session) do nothing
"""
_FORGET = tuple(
    f"delete from dragoman.{table} where tenant = $1 and session = $2"
    for table in ("translations", "utterances", "sessions")
)

Arguments = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """An entry as it stands in TRANSCRIPTS, stored at `stamp` (seconds since the epoch)."""

    tenant: str
    session: str
    stamp: float
    entry: AnyEntry


def statements(exported: Iterable[Exported]) -> list[tuple[str, list[Arguments]]]:
    """Statements, each with the arguments of all that it is to be run with."""
    made: dict[str, list[Arguments]] = {}
    for each in exported:
        for statement, arguments in _of(each):
            made.setdefault(statement, []).append(tuple(_clean(argument) for argument in arguments))
    return list(made.items())


def names(exported: Iterable[Exported]) -> list[str]:
    """What is to be locked."""
    return sorted({f"{each.tenant}.{each.session}" for each in exported})


def _of(each: Exported) -> Sequence[tuple[str, Arguments]]:
    key, at = (each.tenant, each.session), each.stamp
    match each.entry:
        case SessionBegan() as entry:
            return [(BEGAN, (*key, entry.at, entry.source, entry.targets, entry.between, at))]
        case LanguagesChosen() as entry:
            return [(BEGAN, (*key, None, entry.source, entry.targets, entry.between, at))]
        case Said() as entry:
            spoken = [msgspec.structs.replace(word, text=_clean(word.text)) for word in entry.words]
            words = msgspec.json.encode(spoken).decode() if spoken else None
            return [(SAID, (*key, entry.utterance, at, entry.start, entry.end, entry.language, entry.text, words))]
        case Rendered() as entry:
            return [(RENDERED, (*key, entry.utterance, entry.target, at, entry.text))]
        case Failed(target="") as entry:
            return [(UNSAID, (*key, entry.utterance, at, entry.code, entry.message))]
        case Failed() as entry:
            return [(UNRENDERED, (*key, entry.utterance, entry.target, at, entry.code, entry.message))]
        case SessionEnded() as entry:
            return [(ENDED, (*key, at, entry.reason))]
        case _:
            return [(ERASED, (*key, at)), *((statement, key) for statement in _FORGET)]


def _clean(argument: Any) -> Any:
    """PostgreSQL has no text with a zero in it."""
    return argument.replace("\0", "") if isinstance(argument, str) else argument

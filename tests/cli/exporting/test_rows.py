from __future__ import annotations

import itertools

from cli.exporting.database import Database
from cli.exporting.rows import Exported, names, statements
from tests.cli.exporting.conftest import Tables
from wire.history import (
    AnyEntry,
    Erased,
    Failed,
    LanguagesChosen,
    Rendered,
    Said,
    SessionBegan,
    SessionEnded,
)
from wire.options import Word

SESSION = "select began is not null, ended is not null, reason, source, targets from dragoman.sessions"
UTTERANCES = "select utterance, text, language, words::text, error_code from dragoman.utterances order by 1"
TRANSLATIONS = "select utterance, language, text, error_code from dragoman.translations order by 1, 2"

ENTRIES: list[AnyEntry] = [
    SessionBegan(n=1, at=5.0, source="auto", targets=["fr"]),
    Failed(n=2, utterance=1, code="gave_up", message="no"),
    Failed(n=3, utterance=1, target="fr", code="gave_up", message="no"),
    LanguagesChosen(n=4, source="en", targets=["de"], between=[]),
    SessionEnded(n=5, reason="client", utterances=1),
    Said(n=6, utterance=1, text="hel\0lo", language="en", start=0, end=1, words=[Word("hel\0lo", 0.0, 1.0)]),
    Rendered(n=7, utterance=1, target="fr", text="salut"),
]
STORY = [Exported("t", "s1", 100.0 + entry.n, entry) for entry in ENTRIES]


def test_each_session_is_locked_once_and_in_one_order() -> None:
    assert names([*STORY, Exported("t", "s0", 1.0, Erased())]) == ["t.s0", "t.s1"]


def test_alike_statements_go_together() -> None:
    made = statements([*STORY, *STORY])
    assert len({statement for statement, _ in made}) == len(made)
    assert sum(len(arguments) for _, arguments in made) == 2 * len(STORY)
    assert len(statements([Exported("t", "s1", 1.0, Erased())])) == 4


async def test_rows_are_the_same_in_whatever_order_entries_come_and_however_often(tables: Tables) -> None:
    database = Database(tables.dsn)
    orders = [
        STORY,
        STORY[::-1],
        [*STORY[3:], *STORY[:3], *STORY],
        *itertools.islice(itertools.permutations(STORY), 7, 5000, 833),
    ]
    for number, order in enumerate(orders):
        session = f"s{number}"
        renamed = [Exported("t", session, each.stamp, each.entry) for each in order]
        if number % 2:
            for each in renamed:
                await database.write([each])
        else:
            await database.write(renamed)
        where = f"where session = '{session}'"
        assert await tables.fetch(f"{SESSION} {where}") == [(True, True, "client", "en", ["de"])]
        (utterance,) = await tables.fetch(UTTERANCES.replace("order", f"{where} order"))
        assert utterance[:3] == (1, "hello", "en")
        assert '"text": "hello"' in utterance[3]
        assert utterance[4] is None
        assert await tables.fetch(TRANSLATIONS.replace("order", f"{where} order")) == [(1, "fr", "salut", None)]
    await database.close()


async def test_what_failed_stands_with_its_reason(tables: Tables) -> None:
    database = Database(tables.dsn)
    await database.write(STORY[:3])
    assert await tables.fetch(UTTERANCES) == [(1, None, None, None, "gave_up")]
    assert await tables.fetch(TRANSLATIONS) == [(1, "fr", None, "gave_up")]
    await database.close()


async def test_a_deleted_session_has_no_rows_whatever_comes_late(tables: Tables) -> None:
    database = Database(tables.dsn)
    erased = Exported("t", "s1", 200.0, Erased())
    other = [Exported("other", "s1", each.stamp, each.entry) for each in STORY]
    await database.write([*STORY, *other])
    await database.write([erased])
    await database.write([erased, *STORY])
    for each in STORY:
        await database.write([each])
    assert await tables.count() == {"sessions": 1, "utterances": 1, "translations": 1}, "another tenant's stay"
    await database.close()

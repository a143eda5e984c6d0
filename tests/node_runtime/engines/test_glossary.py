from __future__ import annotations

import pytest

from node_runtime.engines import glossary
from node_runtime.engines.glossary import Term
from wire.options import Glossary


def terms(text: str, target: str = "fr", **renderings: str) -> list[Term]:
    """`renderings` are of terms in `target`; `_` in a name is a space."""
    return glossary.terms_in(
        text, Glossary(terms={term.replace("_", " "): {target: said} for term, said in renderings.items()}), target
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("We call it Dragoman.", ["Dragoman"]),
        ("dragoman, DRAGOMAN!", ["dragoman", "DRAGOMAN"]),
        ("Dragomans and my_dragoman are other words; so is dragoman2.", []),
        ("Dragoman's speed", ["Dragoman"]),
        ("(Dragoman)", ["Dragoman"]),
        ("我们用Dragoman翻译。", ["Dragoman"]),
        ("", []),
    ],
)
def test_a_term_is_found_as_a_whole_word_in_any_case(text: str, said: list[str]) -> None:
    found = terms(text, Dragoman="Drogman")
    assert [term.said for term in found] == said
    assert all(text[term.start : term.end] == term.said for term in found)


def test_a_term_in_chinese_is_found_inside_a_sentence() -> None:
    assert [term.said for term in terms("我在找火车站。", 火车站="gare centrale")] == ["火车站"]


def test_terms_of_several_words_may_stand_on_two_lines() -> None:
    assert [term.said for term in terms("the train\nstation", train_station="gare")] == ["train\nstation"]


def test_of_terms_that_overlap_the_longer_counts() -> None:
    found = terms("The train station and the train.", train="convoi", train_station="gare centrale")
    assert [(term.said, term.rendering) for term in found] == [("train station", "gare centrale"), ("train", "convoi")]


def test_a_term_without_a_rendering_in_this_target_is_left_to_the_model() -> None:
    fixed = Glossary(terms={"Dragoman": {"de": "Dragoman"}, "Anna": {"fr": " "}, " ": {"fr": "x"}})
    assert glossary.terms_in("Dragoman, Anna ", fixed, "fr") == []


def test_symbols_are_terms_too() -> None:
    assert [term.said for term in glossary.terms_in("We use C++.", Glossary(terms={"C++": {"fr": "C++"}}), "fr")] == [
        "C++"
    ]


def test_placeholders_come_and_go() -> None:
    text = "Anna works for Dragoman."
    found = terms(text, Dragoman="Drogman", Anna="Hannah")
    assert glossary.masked(text, found) == "XQ1 works for XQ2."
    assert glossary.unmasked("Pour XQ2, XQ1 travaille.", found) == "Pour Drogman, Hannah travaille."
    assert glossary.unmasked("我为xq2工作，XQ1说。", found) == "我为Drogman工作，Hannah说。"
    assert glossary.masked("nothing", []) == glossary.unmasked("nothing", []) == "nothing"


@pytest.mark.parametrize("translation", ["XQ1 seul", "XQ1 XQ1 XQ2", "XQ1 XQ22", "XQ1 AXQ2", "XQ 1 XQ2", ""])
def test_a_placeholder_that_was_lost_repeated_or_bent_is_noticed(translation: str) -> None:
    assert glossary.unmasked(translation, terms("Anna, Dragoman", Dragoman="Drogman", Anna="Hannah")) is None


def test_ten_placeholders_are_told_apart() -> None:
    found = [Term(at, at + 1, "x", f"<{at}>") for at in range(12)]
    assert glossary.unmasked(" ".join(f"XQ{n}" for n in range(1, 13)), found) == " ".join(f"<{n}>" for n in range(12))


def test_a_rendering_is_taken_literally() -> None:
    assert glossary.unmasked("XQ1", [Term(0, 1, "x", r"\1 \g<0>")]) == r"\1 \g<0>"


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ("Nous parlons de Drogman.", "Nous parlons de Drogman."),
        ("Nous parlons de dragoman.", "Nous parlons de Drogman."),
        ("Nous parlons de Dragonman.", "Nous parlons de Drogman."),  # heard or spelled otherwise
        ("Nous parlons de Drogmann.", "Nous parlons de Drogman."),
        ("Nous parlons d'interprètes.", None),
        ("", None),
    ],
)
def test_what_is_left_of_a_term_gives_way_to_its_rendering(translation: str, expected: str | None) -> None:
    assert glossary.replaced(translation, terms("Dragoman", Dragoman="Drogman")) == expected


def test_a_trace_may_have_several_words() -> None:
    found = terms("Green Valley Bank", Green_Valley_Bank="Banque Verte")
    assert glossary.replaced("La Green Valey Bank est là.", found) == "La Banque Verte est là."


def test_a_text_is_cut_around_its_terms_and_put_together() -> None:
    text = "My name is Dragoman, and Anna is here."
    found = terms(text, Dragoman="Drogman", Anna="Hannah")
    assert glossary.between(text, found) == ["My name is", ", and", "is here."]
    assert glossary.put_together(["Je m'appelle", ", et", "est là."], found, " ") == (
        "Je m'appelle Drogman, et Hannah est là."
    )
    assert glossary.put_together(["我叫", "，", "在。"], found, "") == "我叫Drogman，Hannah在。"
    assert glossary.put_together(["", "", "."], found, " ") == "Drogman Hannah."


def test_half_a_sentence_gets_no_full_stop() -> None:
    assert glossary.ended_like("My name is", "Je m'appelle.") == "Je m'appelle"
    assert glossary.ended_like("is here.", "est là.") == "est là."
    assert glossary.ended_like("我叫", "I am…") == "I am"


def test_without_a_trace_the_rendering_stands_behind_the_text() -> None:
    found = terms("Drogman et Hannah", "en", Drogman="Dragoman", Hannah="Anna")
    assert glossary.appended("Hanna met the interpreter.", found) == "Anna met the interpreter. (Dragoman)"

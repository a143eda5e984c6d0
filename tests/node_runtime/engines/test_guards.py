from __future__ import annotations

import pytest

from node_runtime.engines import guards
from node_runtime.engines.guards import Evidence, verdict

# Decodings as `base` and `tiny.en` really gave them: text, seconds, no-speech probability, average log-probability.
SPEECH = [
    ("And so my fellow Americans, ask not what your country can do for you", 11.0, 0.061, -0.12),
    ("Turn on the living room light.", 2.4, 0.022, -0.08),
    ("Oui.", 0.5, 0.09, -0.9),
    ("No.", 1.4, 0.056, -0.38),
    ("Yes.", 1.5, 0.171, -0.5),
    ("Thank you.", 1.6, 0.015, -0.18),
    ("No. No. No. No. No. No.", 4.6, 0.198, -0.39),
    ("10 million 10 million 10 million", 3.4, 0.236, -0.29),
    ("거실 불 켜줘", 2.2, 0.004, -0.37),
    ("大學生利用漏洞免費吃肯德基獲行", 5.0, 0.032, -0.21),
    ("The Quick Brown Box jumps over the Lacey Dodger River Bay.", 3.5, 0.307, -0.66),
]
NUMBERS_AND_NAMES = [
    ("Call 555 0123 4567.", 3.5, 0.05, -0.4),
    ("My number is plus 4-9-176-55-55-22.", 6.0, 0.05, -0.36),
    ("The number is 111111.", 3.0, 0.03, -0.21),
    ("1, 2, 3, 4, 5, 6, 7, 8, 9, 10", 5.0, 0.1, -0.2),
    ("0 0 0 0 0 0 7", 4.0, 0.1, -0.4),
    ("007", 2.0, 0.1, -0.36),
    ("12.", 1.3, 0.05, -0.22),
    ("Anna, Anna.", 1.9, 0.1, -0.39),
    ("Anna, Anna, Anna, come here.", 3.0, 0.05, -0.19),
    ("Mr Smith, Mr Smith.", 2.4, 0.1, -0.5),
    ("张伟，张伟，张伟！", 2.0, 0.1, -0.5),
]
INVENTED = [
    ("you", 4.0, 0.686, -0.96, "no_speech"),
    ("1 cm x 2 cm", 4.0, 0.777, -1.67, "no_speech"),
    ("Yn yw'n " + "yw'n " * 40, 12.0, 0.741, -0.26, "no_speech"),
    ("I'm sorry, " * 30, 12.0, 0.2, -0.1, "repetition"),
    ("1-2-3" + "-4" * 100, 12.0, 0.5, -0.08, "repetition"),
    ("... ... ...", 4.0, 0.45, -2.2, "noise"),
    ("♪♪", 4.0, 0.2, -0.4, "noise"),
    ("", 4.0, 0.2, 0.0, "no_speech"),
    ("Thank you.", 4.0, 0.45, -0.5, "noise"),
    ("Sous-titres réalisés par la communauté d'Amara.org", 3.0, 0.2, -0.3, "noise"),
    ("Untertitel der Amara.org-Community", 3.0, 0.2, -0.3, "noise"),
    ("It's the first time I've seen such a situation", 3.5, 0.461, -1.11, "noise"),
    (
        "What a very long sentence this is for so short a time, nobody could ever say all of it",
        0.5,
        0.1,
        -0.3,
        "repetition",
    ),
]


@pytest.mark.parametrize(("text", "seconds", "no_speech", "log_probability"), [*SPEECH, *NUMBERS_AND_NAMES])
def test_speech_survives(text: str, seconds: float, no_speech: float, log_probability: float) -> None:
    assert verdict(Evidence(text, seconds, no_speech, log_probability)) is None


@pytest.mark.parametrize(("text", "seconds", "no_speech", "log_probability", "reason"), INVENTED)
def test_inventions_do_not(text: str, seconds: float, no_speech: float, log_probability: float, reason: str) -> None:
    assert verdict(Evidence(text, seconds, no_speech, log_probability)) == reason


REFRAIN = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country. "


def test_what_is_surely_said_twice_is_no_circle_and_more_than_that_is() -> None:
    assert not guards.circles(Evidence(2 * REFRAIN, 24.0, 0.05, -0.12))
    assert guards.circles(Evidence(2 * REFRAIN, 24.0, 0.05, -0.7))
    assert guards.circles(Evidence(2 * REFRAIN, 24.0, 0.4, -0.12))
    assert guards.circles(Evidence(4 * REFRAIN, 24.0, 0.05, -0.12))


def test_poor_words_in_a_language_nobody_is_sure_of_are_noise() -> None:
    assert verdict(Evidence("Mm nad", 2.0, 0.1, -1.2, language_probability=0.2)) == "noise"
    assert verdict(Evidence("Mm nad", 2.0, 0.1, -1.2, language_probability=1.0)) is None


def test_longest_run_counts_words_and_phrases() -> None:
    assert guards.longest_run("no no no no") == 4
    assert guards.longest_run("one two three one two three one two three") == 3
    assert guards.longest_run("everything is different here") == 1
    assert guards.longest_run("謝謝你" * 20) == 20
    assert guards.longest_run("") == 1


def test_an_echo_of_the_prompt_is_noticed_and_a_short_answer_is_not_one() -> None:
    assert guards.echoes("we meet at nine tomorrow", "So we meet at nine tomorrow. Yes.")
    assert guards.echoes("We meet at nine. We meet at nine.", "Good morning. We meet at nine.")
    assert guards.echoes("Good morning. Good morning.", "Good morning. We meet at nine.")
    assert not guards.echoes("We meet at nine. And then we eat.", "Good morning. We meet at nine.")
    assert not guards.echoes("Yes.", "So we meet at nine tomorrow. Yes.")
    assert not guards.echoes("something quite different", "So we meet at nine tomorrow.")


def test_every_script_spells() -> None:
    assert all(guards.spells(text) for text in ("a", "7", "я", "あ", "灯", "ع"))
    assert not guards.spells("♪ … - !")


def test_no_customary_phrase_is_empty() -> None:
    assert "" not in guards._CUSTOMARY
    assert guards.is_customary("Thank you.")
    assert guards.is_customary("ご視聴ありがとうございました。")

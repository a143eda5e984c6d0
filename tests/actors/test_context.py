from __future__ import annotations

from actors.context import MAX_CHARACTERS, MAX_PARTS, Group


def test_a_group_ends_at_its_limit_of_parts() -> None:
    group = Group()
    for number in range(1, MAX_PARTS + 1):
        group.begin(number, number, "fr", gap=2)
        group.busy(number)
        group.add(number, "mot", 1)
    assert group.begin(9, 9, "fr", gap=2) == ""
    assert group.parts == []


def test_limits_count_characters_not_bytes() -> None:
    group = Group()
    group.begin(1, 0, "zh", gap=2)
    group.add(1, "语" * (MAX_CHARACTERS - 1), 1)
    assert group.begin(2, 0, "zh", gap=2) == "语" * (MAX_CHARACTERS - 1)
    group.add(2, "语", 1)
    assert group.begin(3, 0, "zh", gap=2) == ""


def test_another_language_begins_a_group() -> None:
    group = Group()
    group.begin(1, 0, "fr", gap=2)
    group.add(1, "un", 1)
    assert group.begin(2, 0, "de", gap=2) == ""


def test_only_confident_text_of_this_group_is_kept_in_utterance_order() -> None:
    group = Group()
    group.begin(1, 0, "fr", gap=2)
    group.begin(2, 0, "fr", gap=2)
    group.add(2, "deux", 0.9)
    group.add(1, "un", 0.9)
    group.add(3, "peut-être", 0.3)
    assert group.begin(3, 1, "fr", gap=2) == "un deux"
    group.begin(4, 100, "fr", gap=2)
    group.add(3, "late", 1)
    assert group.parts == []

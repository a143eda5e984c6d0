from __future__ import annotations

from ingress.history import shown
from wire.history import Failed, HistoryRecord, Line, Said, SessionBegan, SessionEnded, Transcript
from wire.options import Word

RECORD = HistoryRecord(session="s1", began=5.0, days=7, source="auto", targets=["fr"])
LINES = [
    Line(
        utterance=1, start=1.0, end=2.0, language="en", text="hi", translations={"fr": "salut"},
        words=[Word("hi", 1.1, 1.9)],
    ),
    Line(utterance=2, start=3.0, end=4.0, errors={"fr": Failed(n=4, utterance=2, target="fr", code="x", message="y")}),
]  # fmt: skip
TRANSCRIPT = Transcript(session="s1", began=5.0, ended=9.0, reason="client", source="auto", targets=["fr"], lines=LINES)


def test_a_list_says_of_each_session_whether_it_is_over() -> None:
    said = Said(n=2, utterance=1, text="hi", language="en", start=1, end=2)
    assert shown.listed(RECORD, SessionBegan(n=1, at=5.0, source="auto"), 8.0)["ended"] is None
    assert shown.listed(RECORD, said, 8.0)["ended"] is None
    later = Said(n=3, utterance=1, text="hi", language="en", start=1, end=2, ended=7.0)
    assert shown.listed(RECORD, later, 8.0)["ended"] == 7.0
    assert shown.listed(RECORD, SessionEnded(n=3, reason="client", utterances=1), 8.0) == {
        "object": "session", "id": "s1", "began": 5.0, "ended": 8.0, "source": "auto", "targets": ["fr"], "between": [],
    }  # fmt: skip


def test_a_session_says_what_there_is_of_it() -> None:
    whole = shown.session(TRANSCRIPT)
    assert (whole["utterances"], whole["seconds"], whole["languages"]) == (2, 4.0, ["en", "fr"])
    assert shown.session(Transcript(session="s1"))["began"] is None


def test_a_transcript_has_everything_or_one_language() -> None:
    first, second = shown.whole(TRANSCRIPT)["utterances"]
    assert (first["text"], first["translations"], first["errors"]) == ("hi", {"fr": "salut"}, [])
    assert first["words"] == [{"text": "hi", "start": 1.1, "end": 1.9}]
    assert (second["text"], second["language"]) == (None, None)
    assert second["errors"] == [{"target": "fr", "code": "x", "message": "y"}]
    (french,) = shown.whole(TRANSCRIPT, "fr")["utterances"]
    assert french == {"utterance": 1, "start": 1.0, "end": 2.0, "language": "fr", "text": "salut"}
    assert shown.whole(TRANSCRIPT, "en")["utterances"][0]["words"] == first["words"]

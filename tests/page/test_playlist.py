from __future__ import annotations

import pytest

from tests.page.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LIST = """
    const list = new playlist.Playlist();
    const id = (utterance, session = 1) => ({session, utterance, target: "en"});
    const second = (mark) => new Float32Array(10).fill(mark);
    const add = (utterance, sequence, mark) => list.add(id(utterance), 10, sequence, second(mark));
    const play = () => {
        const heard = [];
        for (let clip; (clip = list.current) !== null && clip.drained === false || clip?.drained;) {
            clip.begun = true;
            const samples = clip.take();
            if (samples !== null) heard.push([clip.utterance, samples[0]]);
            else if (clip.drained) list.next();
            else break;
        }
        return heard;
    };
"""


async def test_clips_play_in_the_order_of_their_utterances(modules: Page) -> None:
    heard = await modules.ask(
        "playlist", LIST + "add(3,0,30); list.end(id(3)); add(2,0,20); add(2,1,21); list.end(id(2)); return play()"
    )
    assert heard == [[2, 20], [2, 21], [3, 30]]


async def test_frames_play_in_sequence_once_whatever_order_they_come_in(modules: Page) -> None:
    heard = await modules.ask(
        "playlist", LIST + "add(1,2,12); add(1,0,10); add(1,0,99); add(1,1,11); list.end(id(1)); return play()"
    )
    assert heard == [[1, 10], [1, 11], [1, 12]]


async def test_a_clip_waits_for_its_missing_frame_and_after_its_end_does_not(modules: Page) -> None:
    before, after = await modules.ask(
        "playlist", LIST + "add(1,0,10); add(1,2,12); const a = play(); list.end(id(1)); return [a, play()]"
    )
    assert (before, after) == ([[1, 10]], [[1, 12]])


async def test_what_has_begun_is_not_interrupted_by_an_earlier_one(modules: Page) -> None:
    heard = await modules.ask(
        "playlist",
        LIST + "add(2,0,20); list.current.begun = true; add(1,0,10); add(2,1,21); list.endAll(); return play()",
    )
    assert heard == [[2, 20], [2, 21], [1, 10]]


async def test_a_later_session_comes_after_an_earlier_one(modules: Page) -> None:
    order = await modules.ask(
        "playlist",
        LIST + "list.begin(id(1, 2), 10); list.begin(id(9, 1), 10); const [a] = [list.current]; return [a.session]",
    )
    assert order == [1]


async def test_members_of_a_room_have_their_turn_as_they_come(modules: Page) -> None:
    order = await modules.ask(
        "playlist",
        LIST
        + """for (const at of [id(1, "mb"), id(1, "ma"), id(3, "mb"), id(2, "mb")]) list.begin(at, 10);
        const order = [];
        for (; list.current; list.next()) order.push(list.current.session + list.current.utterance);
        return order""",
    )
    assert order == ["mb1", "ma1", "mb2", "mb3"]


async def test_speech_that_waits_makes_haste(modules: Page) -> None:
    queued, fast = await modules.ask(
        "playlist",
        LIST
        + """const long = new Float32Array(40); // 4 s
        list.add(id(1), 10, 0, long); list.add(id(2), 10, 0, long); list.add(id(3), 10, 0, long);
        return [list.queued, [0, 3, 6, 60].map(playlist.haste)]""",
    )
    assert queued == 8
    assert fast == [1, 1.125, 1.25, 1.25]


async def test_frames_for_a_clip_that_is_over_are_dropped(modules: Page) -> None:
    assert await modules.ask("playlist", LIST + "add(1,0,10); list.next(); add(1,1,11); return list.length") == 0


async def test_the_queue_has_an_end(modules: Page) -> None:
    skipped, left, current = await modules.ask(
        "playlist",
        LIST
        + """
        const long = new Float32Array(1000); // 100 s
        list.add(id(1), 10, 0, long); list.current.begun = true;
        list.add(id(2), 10, 0, long); list.add(id(3), 10, 0, long);
        const skipped = list.add(id(4), 10, 0, long);
        return [skipped.map((each) => each.utterance), list.length, list.current.utterance];
        """,
    )
    assert (skipped, left, current) == ([2], 3, 1)


async def test_pieces_follow_each_other_without_gap_and_after_a_gap_with_a_lead(modules: Page) -> None:
    follows = await modules.ask("playlist", "return playlist.place(10.5, 10.2, 0.25)")
    assert follows == {"start": 10.5, "cursor": 10.75}
    late = await modules.ask("playlist", "return playlist.place(10.5, 11, 0.25)")
    assert late == pytest.approx({"start": 11.03, "cursor": 11.28})

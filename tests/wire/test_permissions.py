from __future__ import annotations

import pytest

from wire import permissions
from wire.permissions import Permissions, Queue, Role


def test_what_a_role_does_is_spelled_in_subjects_of_the_api() -> None:
    role = Role(
        inbox="ingress",
        publish=["a.*"],
        subscribe=["b"],
        read=["R"],
        follow=["F"],
        purge=["R"],
        discard=["D"],
        direct=True,
    )
    api = "$JS.API."
    assert permissions.of(role) == Permissions(
        publish=[
            "a.*",
            f"{api}STREAM.NAMES",
            f"{api}STREAM.INFO.R", f"{api}STREAM.INFO.F",
            f"{api}STREAM.MSG.GET.R", f"{api}DIRECT.GET.R", f"{api}DIRECT.GET.R.>",
            f"{api}STREAM.MSG.GET.F", f"{api}DIRECT.GET.F", f"{api}DIRECT.GET.F.>",
            f"{api}CONSUMER.CREATE.F", "$JS.FC.F.>",
            f"{api}STREAM.PURGE.R",
            f"{api}STREAM.MSG.DELETE.D",
        ],
        subscribe=["b", "_INBOX_ingress.>"],
    )  # fmt: skip


def test_a_queue_is_made_with_its_own_filter_and_no_other() -> None:
    queues = [
        Queue("JOBS", "node-<node>", "job.node.<node>", leaves=True),
        Queue("JOBS", "pool-<pool>", "job.pool.<pool>"),
    ]
    role = Role(inbox="node-<node>", queues=queues)
    named = permissions.of(role, "gpu-1", ["day", "night"])
    assert named.subscribe == ["_INBOX_node.gpu-1.>"]
    assert named.publish == [
        "$JS.API.STREAM.NAMES",
        "$JS.API.CONSUMER.CREATE.JOBS.node-gpu-1.job.node.gpu-1",
        "$JS.API.CONSUMER.INFO.JOBS.node-gpu-1",
        "$JS.API.CONSUMER.MSG.NEXT.JOBS.node-gpu-1",
        "$JS.ACK.JOBS.node-gpu-1.>",
        "$JS.API.CONSUMER.DELETE.JOBS.node-gpu-1",
        *(
            each
            for verb in ("CREATE.JOBS.pool-{0}.job.pool.{0}", "INFO.JOBS.pool-{0}", "MSG.NEXT.JOBS.pool-{0}", "")
            for pool in ("day", "night")
            for each in [f"$JS.API.CONSUMER.{verb}".format(pool) if verb else f"$JS.ACK.JOBS.pool-{pool}.>"]
        ),
    ]
    anyone = permissions.of(role)
    assert anyone.subscribe == ["_INBOX_node.*.>"]
    assert "$JS.API.CONSUMER.CREATE.JOBS.*.job.node.*" in anyone.publish
    assert "$JS.ACK.JOBS.*.>" in anyone.publish


def test_the_quick_way_to_a_message_is_for_those_who_have_it() -> None:
    assert not [each for each in permissions.of(Role(inbox="x", read=["R"])).publish if "DIRECT" in each]


def test_who_makes_streams_deletes_none_and_who_may_everything_is_told_nothing_more() -> None:
    declaring = permissions.of(Role(inbox="scheduler", declares=True)).publish
    assert declaring == [f"$JS.API.STREAM.{verb}" for verb in ("NAMES", "CREATE.*", "UPDATE.*", "INFO.*")]
    assert permissions.of(Role(publish=[">"], subscribe=[">"])) == Permissions([">"], [">"])


def test_what_is_shut_is_denied_in_every_way() -> None:
    denied = permissions.of(Role(publish=["$JS.hub.API.STREAM.>"], deny=["x"], shut=["MAILBOX", "KV_keys"])).deny
    assert denied[0] == "x"
    assert {"$JS.hub.API.STREAM.MSG.GET.MAILBOX", "$JS.hub.API.CONSUMER.CREATE.MAILBOX.>"} < set(denied)
    assert {"$JS.hub.API.STREAM.INFO.KV_keys", "$JS.hub.API.CONSUMER.DELETE.MAILBOX.>"} < set(denied)
    assert [each for each in denied if "$KV" in each] == ["$JS.hub.API.$KV.keys.>"]


def test_a_word_that_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown field `pubish`"):
        permissions.roles('[node]\npubish = ["x"]\n')

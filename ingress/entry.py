"""How a client gets into a session: it opens a new one, or it comes back to one that runs.

Who comes back shows a token that only its client was told; NATS has nothing but the token's hash. What is known of a
session stands in its actor's snapshot (bucket `sessions`) and, for the moment before the first of these, in the
SessionOpened that began its mailbox. What its client has missed is in EVENTS, for 10 minutes. A session that is not
there, one that is over, one whose events are gone, one of another tenant, and a wrong token are refused in the same
words: nobody learns which sessions there are.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ingress import events
from ingress.wishes import Wishes, asked
from wire import subjects
from wire.bus import Bus, Delivered
from wire.errors import ClientError
from wire.keys import hash_of
from wire.kv import Bucket
from wire.messages import ClientMail, ClientReturned, Message, SessionOpened, decode
from wire.options import Options
from wire.protocol import (
    ClientEvent,
    ResumeRequest,
    SessionClosed,
    SessionUpdated,
    SpeechHeard,
    StartRequest,
)

TOKEN_BYTES = 24
DEFAULT_TENANT = "default"
BY_CLIENT = "client"
END_OF_STREAM = 2**60


class SessionUnknown(ClientError):
    code = "session_unknown"


class Known(msgspec.Struct, frozen=True):
    """Of a session's snapshot, what is needed to let its client in again."""

    token_hash: str = ""
    phase: str = "new"
    close_reason: str = ""
    source: str = "auto"
    targets: list[str] = []
    speech: bool = False
    n: int = 0
    options: Options = Options()
    tenant: str = DEFAULT_TENANT


class KnownRecord(Message, frozen=True, kw_only=True, tag="session"):
    """`sessions/<p>.<session>`, as the scheduler writes it."""

    state: Known


@dataclass(frozen=True, slots=True)
class Entry:
    """A client's way in. `mail` is what the actor is told first; None: the session is over, but for what is to be told.

    `token` is for the client that opened it. A client that came back has the events up to number `after`, which stands
    in EVENTS at `checkpoint` or before, and the speech in `heard`. `newest` is the last event that there was before
    `mail`: the `session.resumed` that answers it has a higher number.
    """

    session: str
    connection: str
    sample_rate: int
    wishes: Wishes
    mail: SessionOpened | ClientReturned | None
    token: str = ""
    after: int = 0
    checkpoint: int = 0
    heard: tuple[SpeechHeard, ...] = ()
    newest: int = 0

    @property
    def returns(self) -> bool:
        return not isinstance(self.mail, SessionOpened)


def opened(request: StartRequest, ingress: str, pool: str, tenant: str = DEFAULT_TENANT) -> Entry:
    """Into a new session. Raises LanguageUnsupported, ProtocolViolation for what cannot stand together."""
    return new(asked(request), request.sample_rate, ingress, pool, tenant)


def new(wishes: Wishes, sample_rate: int, ingress: str, pool: str, tenant: str = DEFAULT_TENANT) -> Entry:
    """The same, where it is known what is wished."""
    session, connection, token = "s" + secrets.token_hex(8), _connection(), secrets.token_urlsafe(TOKEN_BYTES)
    mail = SessionOpened(
        session=session, ingress=ingress, pool=pool, source=wishes.source, targets=wishes.targets, tenant=tenant,
        speech=wishes.speech, options=wishes.options, token_hash=hash_of(token), connection=connection,
    )  # fmt: skip
    return Entry(session, connection, sample_rate, wishes, mail, token)


def asking(entry: Entry, wishes: Wishes) -> Entry:
    """The same way into a new session, for which something else is asked."""
    assert isinstance(entry.mail, SessionOpened)
    mail = msgspec.structs.replace(entry.mail, targets=wishes.targets, speech=wishes.speech, options=wishes.options)
    return replace(entry, wishes=wishes, mail=mail)


async def returned(request: ResumeRequest, ingress: str, bus: Bus, tenant: str = DEFAULT_TENANT) -> Entry:
    """Back into a session of this tenant's. Raises SessionUnknown, NatsUnavailable."""
    session = request.session
    known = await _known(bus, session)
    matches = hmac.compare_digest(hash_of(request.token), known.token_hash if known else "")
    if known is None or not matches or known.tenant != tenant:
        raise SessionUnknown("no such session and token")
    newest, events = await _events(bus, session, min(known.n, request.n), request.n)
    last = _event(newest) if newest else None
    number = last.n if last else known.n
    over = known.phase == "closed" or isinstance(last, SessionClosed)
    if request.n > number or (over and not _may_read_the_rest(known, last, request.n)):
        raise SessionUnknown("the session is over")
    wishes = Wishes(known.source, known.targets, known.speech, known.options)
    checkpoint = newest.sequence if newest and number == request.n else 0
    for found in events:
        event = _event(found)
        if event.n <= request.n:
            checkpoint = found.sequence
        if isinstance(event, SessionUpdated) and event.n > known.n:
            wishes = Wishes(
                event.source, event.targets, event.speech,
                msgspec.structs.replace(known.options, between=event.between),
            )  # fmt: skip
    connection = _connection()
    mail = None if over else ClientReturned(ingress=ingress, connection=connection)
    return Entry(
        session, connection, request.sample_rate, wishes, mail,
        after=request.n, checkpoint=checkpoint, heard=tuple(request.heard), newest=number,
    )  # fmt: skip


def _connection() -> str:
    return secrets.token_hex(4)


def _event(found: Delivered) -> ClientEvent:
    return events.read(found.data)


def _may_read_the_rest(known: Known, last: ClientEvent | None, n: int) -> bool:
    """A client that closed its session itself and was cut off before the end still gets what it waits for."""
    reason = last.reason if isinstance(last, SessionClosed) else known.close_reason
    return reason == BY_CLIENT and last is not None and n < last.n


async def _known(bus: Bus, session: str) -> Known | None:
    try:
        key = subjects.session_key(session)
    except ValueError:
        return None
    record = await Bucket(bus, subjects.SESSIONS_KV, KnownRecord).get(key)
    if record is not None:
        return record.state
    first = await bus.first(subjects.MAILBOX, subjects.mailbox(session, "client"))
    mail: Any = decode(ClientMail, first.data) if first else None
    if not isinstance(mail, SessionOpened):
        return None
    return Known(
        mail.token_hash, "open", "", mail.source, mail.targets, mail.speech, options=mail.options, tenant=mail.tenant
    )


async def _events(bus: Bus, session: str, after: int, needed: int) -> tuple[Delivered | None, list[Delivered]]:
    """The session's newest event, and all with a number over `after`.

    Raises SessionUnknown where some with a number over `needed` are gone.
    """
    subject = subjects.event(session)
    newest = await bus.last(subjects.EVENTS, subject)
    oldest = await bus.first(subjects.EVENTS, subject)
    if newest is None or oldest is None:
        return None, []
    if _event(oldest).n > needed + 1:
        raise SessionUnknown("events are gone")
    low, high = oldest.sequence, newest.sequence + 1
    while low < high:  # the first event over `after` stands at `low` or behind it, and before `high` nothing else does
        middle = (low + high) // 2
        found = await bus.first(subjects.EVENTS, subject, middle)
        if found is None or _event(found).n > after:
            high = middle
        else:
            low = found.sequence + 1
    return newest, await bus.read(subjects.EVENTS, subject, low, newest.sequence)

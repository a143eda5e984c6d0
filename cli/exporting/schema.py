"""The tables that the exporter makes and keeps up to date, as versions that follow one another. PURE.

docs/history.md explains the columns. A version that was released is never changed: a new one is added behind it. Rows
have no foreign keys, for several exporters write at once, and a translation may come before what it translates.
"""

from __future__ import annotations

LOCK = 0x647261676F6D616E
"""Of pg_advisory_xact_lock: one exporter at a time looks after the tables."""

VERSIONS = (
    """
    create table dragoman.sessions (
        tenant text not null,
        session text not null,
        began timestamptz,
        ended timestamptz,
        reason text,
        source text,
        targets text[],
        between_languages text[],
        languages_at timestamptz,
        primary key (tenant, session)
    );
    create index sessions_by_time on dragoman.sessions (tenant, began);

    create table dragoman.utterances (
        tenant text not null,
        session text not null,
        utterance integer not null,
        told_at timestamptz not null,
        start_s double precision,
        end_s double precision,
        language text,
        text text,
        words jsonb,
        error_code text,
        error_message text,
        primary key (tenant, session, utterance)
    );
    create index utterances_by_time on dragoman.utterances (tenant, told_at);

    create table dragoman.translations (
        tenant text not null,
        session text not null,
        utterance integer not null,
        language text not null,
        told_at timestamptz not null,
        text text,
        error_code text,
        error_message text,
        primary key (tenant, session, utterance, language)
    );

    create table dragoman.erased (
        tenant text not null,
        session text not null,
        erased_at timestamptz not null,
        primary key (tenant, session)
    );
    """,
)
"""`erased` says which sessions were deleted: what is delivered of them late is not written any more."""

PREPARE = """
    create schema if not exists dragoman;
    create table if not exists dragoman.schema_version (version integer not null);
"""

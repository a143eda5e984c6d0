"""PostgreSQL, as the exporter needs it: connected when it is there, its tables up to date, and written in batches.

Everything that goes wrong is one of three things: `Away` is waited for, `Refused` is about these very rows, and
SettingsError needs somebody to change something before it is of use to try again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from cli.exporting import rows, schema
from cli.exporting.rows import Exported
from wire.errors import DragomanError, SettingsError, Unavailable

CONNECT_S, COMMAND_S = 10.0, 60.0


class Away(Unavailable):
    code = "database_away"


class Refused(DragomanError):
    """PostgreSQL takes everything but this."""

    code = "rows_refused"


class Database:
    """`connected` says whether it was, when it was asked last. Raises SettingsError where asyncpg is not installed."""

    def __init__(self, dsn: str) -> None:
        try:
            import asyncpg
        except ImportError as error:
            raise SettingsError("PostgreSQL's driver is not installed: pip install 'dragoman[postgres]'") from error
        self._asyncpg = asyncpg
        self._dsn = dsn
        self._connection: Any = None

    @property
    def connected(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def connect(self) -> None:
        """With tables that are up to date. Raises Away; SettingsError where that would not come right by itself: the
        address, user, password or database is wrong, or the tables are of a later version."""
        errors = self._asyncpg.exceptions
        if self._connection is not None:
            self._connection.terminate()
        try:
            with self._told():
                self._connection = await self._asyncpg.connect(
                    self._dsn,
                    timeout=CONNECT_S,
                    command_timeout=COMMAND_S,
                    server_settings={"application_name": "dragoman-export", "synchronous_commit": "on"},
                )
                await self._migrate()
        except (
            errors.InvalidAuthorizationSpecificationError, errors.InvalidCatalogNameError,
            errors.ClientConfigurationError,
        ) as error:  # fmt: skip
            raise SettingsError(f"postgres: {error}") from error
        except (ValueError, LookupError) as error:  # which asyncpg raises for some addresses; they may quote it
            raise SettingsError("postgres: this is no address: postgresql://user:password@host/database") from error

    async def _migrate(self) -> None:
        async with self._connection.transaction():
            await self._connection.execute("select pg_advisory_xact_lock($1)", schema.LOCK)
            await self._connection.execute(schema.PREPARE)
            there = await self._connection.fetchval("select max(version) from dragoman.schema_version") or 0
            if there > len(schema.VERSIONS):
                raise SettingsError(
                    f"the tables in PostgreSQL are of version {there}, and this exporter knows {len(schema.VERSIONS)}: "
                    "install a later one"
                )
            for number, statements in enumerate(schema.VERSIONS[there:], there + 1):
                await self._connection.execute(statements)
                await self._connection.execute("insert into dragoman.schema_version values ($1)", number)

    async def write(self, exported: Sequence[Exported]) -> None:
        """All or nothing. Raises Away, Refused, SettingsError."""
        if not self.connected:
            await self.connect()
        errors = self._asyncpg.exceptions
        try:
            with self._told():
                async with self._connection.transaction():
                    await self._connection.execute(rows.LOCK, rows.names(exported))
                    for statement, arguments in rows.statements(exported):
                        await self._connection.executemany(statement, arguments)
        except (errors.DataError, errors.IntegrityConstraintViolationError) as error:
            raise Refused(type(error).__name__) from error  # the message of the server may quote what was said

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Away), self._told():
                await self._connection.close(timeout=2)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """asyncpg's errors as ours, but for those that callers look at."""
        errors = self._asyncpg.exceptions
        looked_at = (
            errors.DataError, errors.IntegrityConstraintViolationError, errors.InvalidAuthorizationSpecificationError,
            errors.InvalidCatalogNameError, errors.ClientConfigurationError,
        )  # fmt: skip
        try:
            yield
        except looked_at:
            raise
        except (OSError, TimeoutError, errors.PostgresError, errors.InterfaceError) as error:
            if self._connection is not None:
                self._connection.terminate()
            raise Away(f"PostgreSQL is away: {type(error).__name__}") from error

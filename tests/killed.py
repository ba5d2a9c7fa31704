"""A process that dies between two statements of a transaction, as kill -9 has it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from netbilld.adapters.database.engine import Database


class KilledError(BaseException):
    """What a process that is killed never gets to hear."""


@contextmanager
def killed_at(database: Database, statement: int) -> Iterator[None]:
    """Let the process die before its n-th statement; where there are fewer, before the commit is heard of."""
    left = statement

    def count(*_about: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KilledError

    event.listen(database.engine.sync_engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", count)

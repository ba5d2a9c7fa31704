"""`column IN (…)` with all its ids in one parameter: a thousand of them cost as much to write and to read as one."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, ColumnElement, any_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection


def among(connection: AsyncConnection, column: Column[Any], ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Return the condition that `column` holds one of these ids: an array's on PostgreSQL, JSON's on SQLite."""
    if connection.dialect.name == "sqlite":
        given = func.json_each(json.dumps([wanted.hex for wanted in ids])).table_valued("value")
        return column.in_(select(given.c.value))
    return column == any_(bindparam(None, list(ids), ARRAY(column.type)))

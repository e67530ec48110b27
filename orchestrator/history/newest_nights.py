"""The newest nights of many cells: looked up in the index cell by cell, in SQLite and in PostgreSQL."""

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from orchestrator.domain.cell import Cell
from orchestrator.history.schema import SESSION

_CELL = ("model", "device", "variant")
_NIGHT = sa.func.coalesce(SESSION.c.night, SESSION.c.entry).label("night")
_READ = (SESSION.c.run_id, SESSION.c.at, SESSION.c.accepted, SESSION.c.stamp, _NIGHT)


def newest_nights(project: str, cells: Iterable[Cell], limit: int, *, is_sqlite: bool) -> sa.Select[Any]:
    """The first sessions of each cell's newest runs, oldest first: the cell's place, then what is read of a session."""
    names = [[getattr(cell, name) for name in _CELL] for cell in cells]
    return (_in_sqlite if is_sqlite else _in_postgresql)(project, names, limit)


def _in_sqlite(project: str, cells: list[list[str]], limit: int) -> sa.Select[Any]:
    """The cells are one parameter: as one for each of their names they took longer than the query itself."""
    each = sa.func.json_each(json.dumps(cells)).table_valued("key", "value")
    names = (sa.func.json_extract(each.c.value, f"$[{place}]").label(name) for place, name in enumerate(_CELL))
    asked = sa.select(each.c.key.label("place"), *names).cte("asked")
    night = SESSION.alias("night")
    newest = sa.select(night.c.at).where(_is_night(night, asked, project)).order_by(night.c.at.desc())
    begin = newest.limit(1).offset(limit - 1).correlate(asked).scalar_subquery()
    asked = sa.select(asked, sa.func.coalesce(begin, "").label("begin")).cte("begin")
    nights = sa.select(asked.c.place, *_READ)
    is_newest = sa.type_coerce(SESSION.c.at, sa.String) >= asked.c.begin
    return nights.join(asked, _is_night(SESSION, asked, project) & is_newest).order_by(SESSION.c.at)


def _in_postgresql(project: str, cells: list[list[str]], limit: int) -> sa.Select[Any]:
    """It would rather read the whole table, were it not told that the nights are `lateral`, which SQLite lacks."""
    each = sa.func.json_array_elements(sa.literal(cells, sa.JSON)).table_valued("value", with_ordinality="nth")
    each = each.render_derived()
    names = (sa.func.json_array_element_text(each.c.value, place).label(name) for place, name in enumerate(_CELL))
    asked = sa.select((each.c.nth - 1).label("place"), *names).cte("asked")
    newest = sa.select(*_READ).where(_is_night(SESSION, asked, project))
    night = newest.order_by(SESSION.c.at.desc()).limit(limit).lateral("night")
    nights = sa.select(asked.c.place, *(night.c[column.name] for column in _READ))
    return nights.select_from(asked.join(night, sa.true())).order_by(night.c.at)


def _is_night(session: sa.FromClause, asked: sa.CTE, project: str) -> sa.ColumnElement[bool]:
    is_of_cell = sa.and_(*(session.c[name] == asked.c[name] for name in _CELL))
    return (session.c.project == project) & is_of_cell & (session.c.number == 1)

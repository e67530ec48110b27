"""Projects and runs as the database has them, and what was logged to the runs."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from orchestrator.localcloud import bodies
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.schema import NO_STEP, metrics, params, projects, runs, tags
from orchestrator.localcloud.state import State, new_id, timestamp
from orchestrator.protocol.envelope import INVALID_RUN_LINEAGE
from orchestrator.protocol.hub import Project, Run


class Tracking:
    """The hub's books. Every method raises Refusal for what does not exist."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find_project(self, name: str) -> Project:
        """The project of that name."""
        with self._state.read() as connection:
            row = connection.execute(sa.select(projects).where(projects.c.name == name)).one_or_none()
        if row is None:
            raise Refusal(404, "there is no such project")
        return Project(id=row.id, name=row.name)

    def make_project(self, body: bodies.NewProject) -> Project:
        """The project of that name, made where there is none: two runs may start at once."""
        with self._state.write() as connection:
            connection.execute(insert(projects).values(id=new_id(), name=body.name).on_conflict_do_nothing())
        return self.find_project(body.name)

    def make_run(self, project_id: str, body: bodies.NewRun) -> Run:
        """A new run, RUNNING."""
        run_id = new_id()
        with self._state.write() as connection:
            _require_project(connection, project_id)
            if body.parent_run_id:
                _check_parent(connection, project_id, run_id, body.parent_run_id)
            connection.execute(
                sa.insert(runs).values(
                    id=run_id,
                    project_id=project_id,
                    parent_run_id=body.parent_run_id or None,
                    name=body.name or f"{body.type.lower()}-{run_id[:8]}",
                    type=body.type,
                    status="RUNNING",
                    created_at=timestamp(),
                    started_at=body.started_at.isoformat(),
                )
            )
        return self.run(project_id, run_id)

    def run(self, project_id: str, run_id: str) -> Run:
        """The run."""
        with self._state.read() as connection:
            return _wire_run(_require_run(connection, project_id, run_id))

    def change_run(self, project_id: str, run_id: str, change: bodies.RunChange) -> Run:
        """Changes what the body holds, all of it or nothing."""
        with self._state.write() as connection:
            _require_run(connection, project_id, run_id)
            if change.parent_run_id is not None:
                _check_parent(connection, project_id, run_id, change.parent_run_id)
            if values := _changed_columns(change):
                connection.execute(sa.update(runs).where(runs.c.id == run_id).values(values))
            _set_metrics(connection, run_id, change.metrics or [])
            _set_texts(connection, params, run_id, change.params or [])
        return self.run(project_id, run_id)

    def log_metric(self, project_id: str, run_id: str, metric: bodies.Metric) -> bodies.Metric:
        """Sets one metric; the last of one name and step counts."""
        with self._state.write() as connection:
            _require_run(connection, project_id, run_id)
            _set_metrics(connection, run_id, [metric])
        return metric

    def log_param(self, project_id: str, run_id: str, param: bodies.Param) -> bodies.Param:
        """Sets one param; the last of one name counts."""
        with self._state.write() as connection:
            _require_run(connection, project_id, run_id)
            _set_texts(connection, params, run_id, [param])
        return param

    def log_tag(self, project_id: str, run_id: str, tag: bodies.Tag) -> bodies.Tag:
        """Sets one tag; the last of one name counts."""
        with self._state.write() as connection:
            _require_run(connection, project_id, run_id)
            _set_texts(connection, tags, run_id, [tag])
        return tag


def _require_project(connection: sa.Connection, project_id: str) -> None:
    if connection.execute(sa.select(projects.c.id).where(projects.c.id == project_id)).one_or_none() is None:
        raise Refusal(404, "there is no such project")


def _require_run(connection: sa.Connection, project_id: str, run_id: str) -> sa.Row[Any]:
    found = sa.select(runs).where(runs.c.id == run_id, runs.c.project_id == project_id)
    row = connection.execute(found).one_or_none()
    if row is None:
        raise Refusal(404, "there is no such run")
    return row


def _check_parent(connection: sa.Connection, project_id: str, run_id: str, parent_id: str) -> None:
    """A parent is another run of the project and no descendant of its child."""
    line = (
        sa.select(runs.c.id, runs.c.parent_run_id, runs.c.project_id).where(runs.c.id == parent_id).cte(recursive=True)
    )
    above = runs.alias()
    line = line.union_all(
        sa.select(above.c.id, above.c.parent_run_id, above.c.project_id).where(above.c.id == line.c.parent_run_id)
    )
    ancestors = connection.execute(sa.select(line.c.id, line.c.project_id)).all()
    if not ancestors or ancestors[0].project_id != project_id:
        raise Refusal(422, "the parent is not a run of this project", code=INVALID_RUN_LINEAGE)
    if run_id in {ancestor.id for ancestor in ancestors}:
        raise Refusal(422, "a run cannot be its own ancestor", code=INVALID_RUN_LINEAGE)


def _changed_columns(change: bodies.RunChange) -> dict[str, Any]:
    columns = change.model_dump(include={"status", "parent_run_id"}, exclude_unset=True)
    if change.ended_at is not None:
        columns["ended_at"] = change.ended_at.isoformat()
    return columns


def _set_metrics(connection: sa.Connection, run_id: str, logged: Sequence[bodies.Metric]) -> None:
    rows = [
        {"run_id": run_id, "name": m.name, "value": m.value, "step": NO_STEP if m.step is None else m.step}
        for m in logged
    ]
    _upsert(connection, metrics, rows)


def _set_texts(
    connection: sa.Connection, table: sa.Table, run_id: str, logged: Iterable[bodies.Param | bodies.Tag]
) -> None:
    _upsert(connection, table, [{"run_id": run_id, "name": item.name, "value": item.value} for item in logged])


def _upsert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        statement = insert(table)
        keys = list(table.primary_key.columns)
        changed = {"value": statement.excluded.value}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def _wire_run(row: sa.Row[Any]) -> Run:
    fields = {name: value for name, value in row._mapping.items() if name in Run.model_fields and value is not None}
    return Run(**fields)

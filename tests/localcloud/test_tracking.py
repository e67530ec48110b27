"""The hub's books: projects, runs, and what is logged to them."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

STARTED = "2026-01-31T02:00:00+01:00"


@pytest.fixture
def cloud(shared_cloud: Any) -> Any:
    """The cloud that all these tests share; each makes projects of its own."""
    return shared_cloud


def new_run(cloud: Any, project_id: str, **fields: Any) -> Any:
    body = {"type": "PROFILE", "startedAt": STARTED, **fields}
    return cloud.data("POST", f"/api/projects/{project_id}/runs", json=body)


def new_project(cloud: Any, name: str = "") -> str:
    """The id of a project, of its own where no name is given."""
    name = name or uuid4().hex
    return str(cloud.data("POST", "/api/projects", json={"name": name})["id"])


def test_a_project_is_found_by_its_name_and_made_once(cloud: Any) -> None:
    name = uuid4().hex
    assert cloud.api.get("/api/projects", params={"name": name}).status_code == 404
    project_id = new_project(cloud, name)
    assert cloud.data("GET", "/api/projects", params={"name": name}) == {"id": project_id, "name": name}
    assert new_project(cloud, name) == project_id


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "'; drop table projects; --", "<b>", "emoji \U0001f600", "a\x00b", "%2e%2e"]
)
def test_names_are_data(cloud: Any, name: str) -> None:
    project_id = new_project(cloud, name)
    assert cloud.data("GET", "/api/projects", params={"name": name}) == {"id": project_id, "name": name}
    run_id = new_run(cloud, project_id, name=name)["id"]
    logged = {"name": name, "value": name}
    assert cloud.data("POST", f"/api/projects/{project_id}/runs/{run_id}/tags", json=logged) == logged
    body = {"runId": run_id, "fileName": name, "fileSize": 3}
    assert cloud.data("POST", "/api/artifacts", json=body)["fileName"] == name


def test_projects_made_at_once_are_one(cloud: Any) -> None:
    name = uuid4().hex
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: new_project(cloud, name), range(16)))) == 1


def test_a_run_from_start_to_finish(cloud: Any) -> None:
    project_id = new_project(cloud)
    run = new_run(cloud, project_id, name="nightly")
    assert run["status"] == "RUNNING"
    assert (run["name"], run["type"], run["startedAt"]) == ("nightly", "PROFILE", STARTED)
    assert "endedAt" not in run
    path = f"/api/projects/{project_id}/runs/{run['id']}"
    ended = "2026-01-31T02:05:00Z"
    cloud.data("PATCH", path, json={"status": "FINISHED", "endedAt": ended})
    after = cloud.data("GET", path)
    assert (after["status"], after["endedAt"].replace("+00:00", "Z")) == ("FINISHED", ended)
    assert {name: after[name] for name in run if name != "status"} == {n: v for n, v in run.items() if n != "status"}


def test_a_run_without_a_name_gets_one(cloud: Any) -> None:
    first, second = (new_run(cloud, new_project(cloud))["name"] for _ in range(2))
    assert first
    assert first != second


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("params", {"name": "$device", "value": "host-cpu-1t"}),
        ("metrics", {"name": "$latency", "value": 4.25}),
        ("metrics", {"name": "$latency_per_layer", "value": 12, "step": 3}),
        ("tags", {"name": "team", "value": ""}),
    ],
)
def test_what_is_logged_is_answered(cloud: Any, kind: str, body: dict[str, Any]) -> None:
    path = cloud.make_run()
    for _ in range(2):  # a repeated call does no harm
        assert cloud.data("POST", f"{path}/{kind}", json=body) == body


def logged(cloud: Any, path: str, table: str) -> list[Any]:
    """What the cloud has written down for a run; the protocol has no call that gives it back."""
    with closing(sqlite3.connect(cloud.config.data_dir / "cloud.db")) as connection:
        columns = "name, step, value" if table == "metrics" else "name, value"
        rows = connection.execute(f"select {columns} from {table} where run_id = ?", [path.rsplit("/", 1)[1]])
        return sorted(rows)


def test_the_last_of_a_name_and_step_counts(cloud: Any) -> None:
    path = cloud.make_run()
    for value in (1, 2):
        cloud.data("POST", f"{path}/metrics", json={"name": "a", "value": value})
        cloud.data("POST", f"{path}/metrics", json={"name": "a", "value": value * 10, "step": 0})
        cloud.data("POST", f"{path}/params", json={"name": "a", "value": f"{value}"})
        cloud.data("POST", f"{path}/tags", json={"name": "a", "value": f"{value}"})
    twice = [{"name": "b", "value": 5}, {"name": "b", "value": 6}]
    cloud.data("PATCH", path, json={"metrics": twice, "params": [{"name": "a", "value": "3"}]})
    assert logged(cloud, path, "metrics") == [("a", -1, 2.0), ("a", 0, 20.0), ("b", -1, 6.0)]
    assert logged(cloud, path, "params") == [("a", "3")]
    assert logged(cloud, path, "tags") == [("a", "2")]


def test_one_patch_holds_thousands_of_metrics_and_params(cloud: Any) -> None:
    path = cloud.make_run()
    metrics = [{"name": "$latency_per_layer", "value": index / 7, "step": index} for index in range(5000)]
    params = [{"name": f"$layer_name_{index}", "value": "conv" * 20} for index in range(5000)]
    cloud.data("PATCH", path, json={"metrics": metrics, "params": params, "status": "FINISHED"})
    assert cloud.data("GET", path)["status"] == "FINISHED"
    assert logged(cloud, path, "metrics") == [("$latency_per_layer", index, index / 7) for index in range(5000)]
    assert len(logged(cloud, path, "params")) == 5000


def test_a_patch_is_carried_out_whole_or_not_at_all(cloud: Any) -> None:
    path = cloud.make_run()
    for wrong in ({"parentRunId": "nobody"}, {"metrics": [{"name": "a", "value": 1}], "parentRunId": "nobody"}):
        assert cloud.api.patch(path, json={"status": "FINISHED", **wrong}).status_code == 422
    assert logged(cloud, path, "metrics") == []
    assert cloud.data("GET", path)["status"] == "RUNNING"


def test_a_run_has_a_parent_of_its_own_project_and_no_ring(cloud: Any) -> None:
    project_id, other_id = new_project(cloud), new_project(cloud)
    grandparent = new_run(cloud, project_id)["id"]
    parent = new_run(cloud, project_id, parentRunId=grandparent)["id"]
    child = new_run(cloud, project_id, parentRunId=parent)["id"]
    stranger = new_run(cloud, other_id)["id"]
    path = f"/api/projects/{project_id}/runs/"
    for run_id, impossible in [(grandparent, child), (grandparent, grandparent), (child, stranger), (child, "x")]:
        refused = cloud.api.patch(path + run_id, json={"parentRunId": impossible})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["code"] == "invalid_run_lineage"
    refused = cloud.api.post(path[:-1], json={"type": "EVAL", "startedAt": STARTED, "parentRunId": stranger})
    assert refused.json()["errors"][0]["code"] == "invalid_run_lineage"

    cloud.data("PATCH", path + parent, json={"parentRunId": None})
    cloud.data("PATCH", path + grandparent, json={"parentRunId": child})  # no ring any more


def test_a_run_is_found_in_its_own_project_only(cloud: Any) -> None:
    run_id = new_run(cloud, new_project(cloud))["id"]
    other_id = new_project(cloud)
    path = f"/api/projects/{other_id}/runs/{run_id}"
    assert cloud.api.get(path).status_code == 404
    assert cloud.api.patch(path, json={"status": "KILLED"}).status_code == 404
    assert cloud.api.post(f"{path}/tags", json={"name": "a", "value": "b"}).status_code == 404

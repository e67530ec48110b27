"""The hub's books: projects, runs, and what is logged to them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

STARTED = "2026-01-31T02:00:00+01:00"


def new_run(cloud: Any, project_id: str, **fields: Any) -> Any:
    body = {"type": "PROFILE", "startedAt": STARTED, **fields}
    return cloud.data("POST", f"/api/projects/{project_id}/runs", json=body)


def new_project(cloud: Any, name: str = "vision") -> str:
    return str(cloud.data("POST", "/api/projects", json={"name": name})["id"])


def test_a_project_is_found_by_its_name_and_made_once(cloud: Any) -> None:
    assert cloud.api.get("/api/projects", params={"name": "vision"}).status_code == 404
    project_id = new_project(cloud)
    assert cloud.data("GET", "/api/projects", params={"name": "vision"}) == {"id": project_id, "name": "vision"}
    assert new_project(cloud) == project_id


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
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: new_project(cloud), range(16)))) == 1


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


def test_one_patch_holds_thousands_of_metrics_and_params(cloud: Any) -> None:
    path = cloud.make_run()
    metrics = [{"name": "$latency_per_layer", "value": index / 7, "step": index} for index in range(5000)]
    params = [{"name": f"$layer_name_{index}", "value": "conv" * 20} for index in range(5000)]
    cloud.data("PATCH", path, json={"metrics": metrics, "params": params, "status": "FINISHED"})
    assert cloud.data("GET", path)["status"] == "FINISHED"


def test_a_patch_is_carried_out_whole_or_not_at_all(cloud: Any) -> None:
    path = cloud.make_run()
    refused = cloud.api.patch(path, json={"status": "FINISHED", "parentRunId": "nobody"})
    assert refused.status_code == 422
    assert cloud.data("GET", path)["status"] == "RUNNING"


def test_a_run_has_a_parent_of_its_own_project_and_no_ring(cloud: Any) -> None:
    project_id, other_id = new_project(cloud), new_project(cloud, "other")
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
    other_id = new_project(cloud, "other")
    path = f"/api/projects/{other_id}/runs/{run_id}"
    assert cloud.api.get(path).status_code == 404
    assert cloud.api.patch(path, json={"status": "KILLED"}).status_code == 404
    assert cloud.api.post(f"{path}/tags", json={"name": "a", "value": "b"}).status_code == 404

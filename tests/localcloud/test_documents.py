"""The OpenAPI documents are true: every route, every field, every status; the server holds against made-up ones."""

import json
import re
from typing import Any, get_args
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from orchestrator.localcloud import bodies
from orchestrator.localcloud.app import LocalCloud
from orchestrator.localcloud.refusal import TITLES
from orchestrator.protocol import device_cloud, hub

METHODS = {"get", "put", "post", "patch", "delete"}
MODELS: dict[str, type[BaseModel]] = {
    "NewProject": bodies.NewProject,
    "Project": hub.Project,
    "NewRun": bodies.NewRun,
    "Run": hub.Run,
    "RunChange": bodies.RunChange,
    "Parameter": bodies.Param,
    "Metric": bodies.Metric,
    "Tag": bodies.Tag,
    "NewArtifact": bodies.NewArtifact,
    "Artifact": hub.Artifact,
    "ArtifactPatch": hub.ArtifactPatch,
    "ArtifactUploadUrl": hub.ArtifactUploadUrl,
    "Device": device_cloud.Device,
    "NewUpload": device_cloud.UploadBody,
    "Upload": device_cloud.Upload,
    "Download": device_cloud.Download,
    "NewJob": bodies.NewJob,
    "Job": device_cloud.Job,
    "JobArtifacts": device_cloud.JobArtifacts,
}


def documented(document: Any) -> set[tuple[str, str]]:
    return {(path, method) for path, item in document.root["paths"].items() for method in METHODS & set(item)}


def test_every_route_is_documented_and_every_documented_route_is_there(config: Any, documents: Any) -> None:
    cloud = LocalCloud(config, storage_port=1)
    try:
        for app, document in zip((cloud.api, cloud.storage), documents, strict=True):
            routes = {(route.path, method.lower()) for route in app.routes for method in route.methods - {"HEAD"}}
            assert routes == documented(document)
    finally:
        cloud.close()


def test_every_schema_has_the_fields_of_its_model(documents: Any) -> None:
    schemas = documents[0].root["components"]["schemas"]
    assert set(schemas) - {"Error", "ErrorItem"} == set(MODELS)
    for name, model in MODELS.items():
        fields = {field.alias: field for field in model.model_fields.values()}
        assert set(schemas[name]["properties"]) == set(fields), name
        needed = {alias for alias, field in fields.items() if field.is_required()}
        assert needed <= set(schemas[name].get("required", [])), name


@pytest.mark.parametrize(
    ("schema", "field", "values"),
    [
        ("NewRun", "type", get_args(hub.RunType)),
        ("RunChange", "status", get_args(hub.RunStatus)),
        ("Artifact", "status", get_args(hub.ArtifactStatus)),
        ("ArtifactUploadUrl", "uploadMode", ("SIGNED_URL", "API")),
        ("NewUpload", "type", (device_cloud.IOS_UPLOAD_TYPE,)),
    ],
)
def test_the_values_of_an_enum_are_the_protocols(documents: Any, schema: str, field: str, values: Any) -> None:
    assert documents[0].root["components"]["schemas"][schema]["properties"][field]["enum"] == list(values)


def test_a_job_goes_through_statuses_of_the_protocol_only(documents: Any) -> None:
    told = set(documents[0].root["components"]["schemas"]["Job"]["properties"]["status"]["enum"])
    assert told < device_cloud.WAITING_STATUSES | device_cloud.ACTIVE_STATUSES | device_cloud.FINAL_STATUSES


def test_every_reference_leads_somewhere_and_every_part_is_used(documents: Any) -> None:
    for document in documents:
        used = set(re.findall(r'"#/(components/[^"]+)"', json.dumps(document.root)))
        there = {
            f"components/{kind}/{name}"
            for kind in ("schemas", "responses")
            for name in document.root["components"][kind]
        }
        assert used == there


def test_every_refusal_has_a_title_and_is_documented_with_the_envelope(documents: Any) -> None:
    for document in documents:
        for path, method in documented(document):
            operation = document.root["paths"][path][method]
            for status, answer in operation["responses"].items():
                if not status.startswith("2"):
                    assert int(status) in TITLES
                    assert answer["$ref"].startswith("#/components/responses/")


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def made_up(document: Any, schema: Any) -> st.SearchStrategy[Any]:
    """Bodies near what a schema wants: its own fields with values that mostly fit."""
    schema = document._resolve(schema)
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | ANY_JSON
    if schema.get("type") == "object":
        fields = {name: made_up(document, inner) for name, inner in schema.get("properties", {}).items()}
        needed = schema.get("required", [])
        return st.fixed_dictionaries({}, optional=fields) | st.fixed_dictionaries(
            {name: fields[name] for name in needed}
        )
    if schema.get("type") == "array":
        return st.lists(made_up(document, schema["items"]), max_size=3) | ANY_JSON
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda moment: f"{moment.isoformat()}+23:59") | ANY_JSON
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(),
        "integer": st.integers(),
        "number": st.floats() | st.integers(),
    }
    return kinds.get(str(schema.get("type")), ANY_JSON) | ANY_JSON


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_made_up_call_makes_the_server_fail_or_contradict_its_document(
    shared_cloud: Any, documents: Any, data: st.DataObject
) -> None:
    run = shared_cloud.make_run()
    project_id, run_id = run.split("/")[3:6:2]
    ids = st.sampled_from([project_id, run_id, "../..", "\0", "a" * 2000]) | st.text(min_size=1, max_size=5)
    at_api = data.draw(st.booleans())
    document, client = (documents[0], shared_cloud.api) if at_api else (documents[1], shared_cloud.storage)
    path, method = data.draw(st.sampled_from(sorted(documented(document))))
    url = httpx.URL(str(client.base_url).rstrip("/") + re.sub(r"\{(\w+)\}", lambda m: fill(m[1], data, ids, run), path))
    content = document.root["paths"][path][method].get("requestBody", {}).get("content", {})
    if "application/json" in content:
        body = json.dumps(data.draw(made_up(document, content["application/json"]["schema"])))
        response = client.request(method, url, content=body, headers={"Content-Type": "application/json"})
    else:
        query = data.draw(st.dictionaries(st.sampled_from(["name", "expires", "size", "signature"]), st.text()))
        response = client.request(method, url.copy_merge_params(query), content=data.draw(st.binary()))
    assert response.status_code < 500  # the client's hook holds it against the document


def fill(name: str, data: st.DataObject, ids: st.SearchStrategy[str], run: str) -> str:
    """A path parameter: mostly the one that exists."""
    there = dict(zip(("project", "run"), run.split("/")[3:6:2], strict=True))
    made = data.draw(ids)
    return quote(there[name] if name in there and data.draw(st.integers(0, 9)) else made, safe="")

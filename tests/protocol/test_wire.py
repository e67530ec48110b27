"""Bodies of the protocol: camelCase on the wire, unknown fields and values kept from breaking us (protocol.md)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.protocol.device_cloud import ACTIVE_STATUSES, FINAL_STATUSES, WAITING_STATUSES, Device, Download, Job
from orchestrator.protocol.envelope import QUOTA_CODES, ErrorBody, WireModel
from orchestrator.protocol.hub import ArtifactUploadUrl, Metric, Run, RunBody, RunPatch

AT = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (RunBody(type="PROFILE", started_at=AT), {"type": "PROFILE", "startedAt": "2026-01-31T02:00:00Z"}),
        (RunPatch(parent_run_id=None), {"parentRunId": None}),
        (RunPatch(status="KILLED", ended_at=AT), {"status": "KILLED", "endedAt": "2026-01-31T02:00:00Z"}),
        (
            RunPatch(metrics=[Metric(name="$latency", value=1.5), Metric(name="a", value=2, step=0)]),
            {"metrics": [{"name": "$latency", "value": 1.5}, {"name": "a", "value": 2.0, "step": 0}]},
        ),
        (RunPatch(), {}),
    ],
)
def test_only_what_is_set_is_sent(body: WireModel, wire: dict[str, Any]) -> None:
    assert body.to_wire() == wire


def test_unknown_fields_and_statuses_are_taken() -> None:
    job = Job.model_validate({"id": "1", "status": "TELEPORTING", "createdAt": "2026-01-31T02:00:00Z", "new": {}})
    assert (job.status, job.created_at) == ("TELEPORTING", AT)
    assert Run.model_validate({"id": "1", "name": "n", "type": "NEW", "status": "ODD"}).status == "ODD"
    assert Download.model_validate({"id": "1", "url": "u"}).status == ""
    assert Device.model_validate({"name": "a", "platform": "WATCH", "cpu": {"clock": 2.4}}).platform == "WATCH"


def test_times_of_ours_have_a_zone() -> None:
    with pytest.raises(ValidationError):
        RunBody(type="PROFILE", started_at=AT.replace(tzinfo=None))


def test_an_upload_mode_that_is_unknown_is_refused() -> None:
    with pytest.raises(ValidationError):
        ArtifactUploadUrl.model_validate({"url": "u", "uploadMode": "CARRIER_PIGEON"})


def test_statuses_and_codes_are_the_protocols() -> None:
    assert {"PENDING", "PENDING_CONCURRENCY", "PENDING_DEVICE", "SCHEDULING"} == WAITING_STATUSES
    assert {"PREPARING", "PROCESSING", "RUNNING", "STOPPING"} == ACTIVE_STATUSES
    assert {"COMPLETED"} == FINAL_STATUSES
    assert {"storage_quota_exceeded", "file_too_large", "job_quota_exceeded"} == QUOTA_CODES


@pytest.mark.parametrize(
    "body",
    [{}, {"message": None}, {"errors": [{}]}, {"errors": [{"status": 404}, {"status": "404", "meta": [1]}], "x": 1}],
)
def test_every_field_of_an_error_is_optional(body: dict[str, Any]) -> None:
    ErrorBody.model_validate(body)

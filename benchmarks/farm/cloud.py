"""The protocol's calls over simulated devices, all in memory. Tracking keeps what it is told, and nothing else."""

import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from farm.books import books
from farm.fleet import Device, Terms, fleet
from farm.http import Answer, Request, data, refusal
from farm.jobs import Devices, Job
from farm.models import read_traits

NOT_THERE = refusal(404, "there is no such thing")


@dataclass(kw_only=True)
class Cloud:
    """One simulated cloud. `storage` is the address of its second origin, where signed URLs lead, once it is known."""

    terms: Terms
    key: str
    storage: str = ""
    devices: dict[str, Device] = field(init=False)
    requests: Counter[str] = field(default_factory=Counter)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Opens with idle devices."""
        self.devices = {device.name: device for device in fleet(self.terms)}
        self.farm = Devices(self.terms, tuple(self.devices.values()))
        self._bundles: dict[str, bytes] = {}
        self._last = 0

    def answer_api(self, request: Request) -> Answer:
        """The API, and below /farm what only benchmarks ask."""
        match request.method, request.parts:
            case "GET", ("farm", "books"):
                return Answer(body=json.dumps(books(self.farm, self.requests)).encode())
            case "POST", ("farm", "nights"):
                self.farm.night += 1
                return Answer(body=json.dumps({"night": self.farm.night}).encode())
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return refusal(401, "another key, please")
        self._count(request)
        match request.parts:
            case "api", "device-cloud", *rest:
                return self._device_cloud(request, rest)
            case "api", *rest:
                return self._tracking(request, rest)
        return NOT_THERE

    def answer_storage(self, request: Request) -> Answer:
        """The storage: no key."""
        self._count(request)
        match request.method, request.parts:
            case "PUT", ("bundles", upload_id):
                self._bundles[upload_id] = request.body
                return Answer()
            case "PUT", ("artifacts", _):
                return Answer()
            case "GET", ("results", job_id) if (job := self.farm.by_id.get(job_id)) and job.exists_at is not None:
                job.fetched_at = job.fetched_at or self.farm.now()
                return Answer(body=job.results, content_type="application/zip")
        return NOT_THERE

    def _count(self, request: Request) -> None:
        known = [part for part in request.parts if not part.startswith("x")]  # ids do
        self.requests[f"{request.method} {'/'.join(known)}"] += 1

    def _new_id(self) -> str:
        self._last += 1
        return f"x{self._last}"

    def _device_cloud(self, request: Request, rest: list[str]) -> Answer:
        match request.method, rest:
            case "GET", ["devices"]:
                return data([_wire_device(device) for device in self.devices.values()])
            case "POST", ["uploads"]:
                upload_id = self._new_id()
                return data({"id": upload_id, "url": f"{self.storage}/bundles/{upload_id}", "createdAt": _now()}, 201)
            case "POST", ["downloads"]:
                return data(self._download(self._new_id()), 201)
            case "GET", ["downloads", download_id]:
                return data(self._download(download_id))
            case "POST", ["jobs"]:
                return self._submit(request.json())
            case "GET", ["jobs", job_id] if job_id in self.farm.by_id:
                return data({"id": job_id, "status": self.farm.by_id[job_id].status})
        return NOT_THERE

    def _download(self, download_id: str) -> dict[str, Any]:
        job = self.farm.by_download.get(download_id)
        if job is None or job.exists_at is None:
            url, status = f"{self.storage}/downloads/{download_id}", "PENDING"
        else:
            url, status = f"{self.storage}/results/{job.id}", "SUCCEEDED"
        return {"id": download_id, "url": url, "status": status, "createdAt": _now()}

    def _submit(self, body: dict[str, Any]) -> Answer:
        device, bundle = self.devices.get(body["deviceName"]), self._bundles.pop(body["modelUploadId"], None)
        if device is None or bundle is None:
            return NOT_THERE
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            download_id = archive.read("downloads-url.txt").decode().rpartition("/")[2]
            traits = read_traits(archive.read("model.onnx"))
        job = Job(
            id=self._new_id(), device=device, traits=traits, download_id=download_id, submitted_at=self.farm.now()
        )
        self.farm.submit(job)
        return data({"id": job.id, "status": job.status, "createdAt": _now()}, 201)

    def _tracking(self, request: Request, rest: list[str]) -> Answer:
        match request.method, rest:
            case "GET", ["projects"]:
                return data({"id": "project", "name": request.query["name"][0]})
            case "POST", ["projects", _, "runs"]:
                self.runs[run_id := self._new_id()] = {"status": "RUNNING", "tags": 0}
                return data({"id": run_id, "status": "RUNNING", "type": "PROFILE"}, 201)
            case "GET", ["projects", _, "runs", run_id] if run_id in self.runs:
                return data({"id": run_id, "status": self.runs[run_id]["status"]})
            case "PATCH", ["projects", _, "runs", run_id] if run_id in self.runs:
                self.runs[run_id]["status"] = request.json().get("status", "RUNNING")
                return data({})
            case "POST", ["projects", _, "runs", run_id, "tags"] if run_id in self.runs:
                self.runs[run_id]["tags"] += 1
                return data(request.json(), 201)
            case "POST", ["artifacts"]:
                return data({"id": self._new_id(), "status": "PENDING"}, 201)
            case "POST", ["artifacts", artifact_id, "upload-url"]:
                return data({"url": f"{self.storage}/artifacts/{artifact_id}", "uploadMode": "SIGNED_URL"})
            case "PATCH", ["artifacts", _]:
                return data({})
        return NOT_THERE


def _wire_device(device: Device) -> dict[str, Any]:
    system = "simulated iOS 17" if device.platform == "IOS" else "simulated Android 14"
    return {
        "name": device.name,
        "os": system,
        "vendor": "simulated",
        "platform": device.platform,
        "type": "simulated",
        "cpu": {"architecture": "none"},
        "modelFormats": ["onnx", "tflite"],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()

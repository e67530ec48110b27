"""A local cloud on real sockets with a pretend measurement; every answer is held against the cloud's own document."""

import io
import json
import re
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from orchestrator.localcloud.app import API_DOCUMENT, STORAGE_DOCUMENT
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.server import running_server
from orchestrator.localcloud.worker import WorkOrder, execute
from orchestrator.protocol.device_cloud import Device
from orchestrator.protocol.results import ResultFiles, read_results

KEY = "the-key-of-the-tests"
LOG = (
    "INFO: Initialized session in 12.5ms.\n"
    "INFO: count=5 curr=10 min=9 max=11 avg=10 std=1\n"
    "INFO: count=50 curr=10 min=9 max=11 avg=10.5 std=1\n"
    "INFO: Inference timings in us: Init: 12500, First inference: 30, Warmup (avg): 20, Inference (avg): 10.5\n"
)
DEVICES = tuple(
    Device(name=name, os="Linux 6.1", vendor="Test", platform=platform, type="host processor")
    for name, platform in (("one", "ANDROID"), ("two", "ANDROID"), ("one-ios", "IOS"))
)
_KINDS = {"object": dict, "array": list, "string": str, "integer": int, "number": int | float, "null": type(None)}


def results_zip(log: str = LOG) -> bytes:
    """What a device leaves: a log and a profile, in a folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("out/tflite-logs.txt", log)
    return packed.getvalue()


def bundle_zip(downloads_url: str, *, ios: bool = False, **changed: str | bytes | None) -> bytes:
    """A bundle as the protocol has it; `changed` replaces or (None) leaves out files, by names with _ for . and /."""
    files: dict[str, str | bytes | None] = {
        "model.tflite": "not really a model",
        "benchmark-params.json": json.dumps({"num_runs": "50"}),
        "downloads-url.txt": downloads_url,
    }
    files |= {"requirements.txt": "# none\n", "tests/test.py": "# none\n"} if ios else {}
    by_key = {re.sub(r"[./-]", "_", name): name for name in files}
    files |= {by_key[key]: text for key, text in changed.items()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            if text is not None:
                archive.writestr(name, text)
    return packed.getvalue()


@dataclass
class Executor:
    """A measurement under the test's control: holds while `may_go` is not set, then fails or leaves `results`."""

    results: bytes = field(default_factory=results_zip)
    failure: Exception | None = None
    may_go: Event = field(default_factory=Event)
    began: Event = field(default_factory=Event)
    orders: list[Any] = field(default_factory=list)
    models: list[dict[str, bytes]] = field(default_factory=list)  # all files of each model's folder
    running: int = 0
    most_running: int = 0

    def __call__(self, order: Any, scratch: Path, *, stop: Event | None = None) -> Path:
        assert stop is not None
        self.orders.append(order)
        self.models.append({path.name: path.read_bytes() for path in order.model_path.parent.rglob("*")})
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.began.set()
        while not (self.may_go.wait(0.01) or stop.is_set()):
            pass
        self.running -= 1
        if self.failure:
            raise self.failure
        (scratch / "results.zip").write_bytes(self.results)
        return scratch / "results.zip"


class Document:
    """An OpenAPI document, for checking answers against."""

    def __init__(self, path: Path) -> None:
        self.root = json.loads(path.read_text())
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template)), template) for template in self.root["paths"]
        ]

    def check(self, response: httpx.Response) -> None:
        """Status and body of an answer are among those the document has for the request."""
        request = response.request
        template = next((name for pattern, name in self._paths if pattern.fullmatch(request.url.path)), None)
        operation = self.root["paths"].get(template, {}).get(request.method.lower())
        if operation is None:
            assert response.status_code in (401, 404, 405)
            return
        answers = operation["responses"]
        assert str(response.status_code) in answers, f"{request.method} {template}: {response.status_code}"
        content = self._resolve(answers[str(response.status_code)]).get("content", {})
        if "application/json" in content:
            response.read()
            self.check_value(response.json(), content["application/json"]["schema"])
        elif not content:
            assert response.read() == b""

    def check_value(self, value: Any, schema: dict[str, Any], place: str = "body") -> None:
        """The value is what the schema says, as far as the keywords the documents use."""
        schema = self._resolve(schema)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        assert not kinds or any(isinstance(value, _KINDS[kind]) for kind in kinds), f"{place}: {value!r}"
        assert value in schema.get("enum", [value]), f"{place}: {value!r}"
        if isinstance(value, str):
            assert re.search(schema.get("pattern", ""), value), f"{place}: {value!r}"
            assert schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)), place
            if schema.get("format") == "date-time":
                assert datetime.fromisoformat(value).tzinfo, place
        if isinstance(value, list):
            assert schema.get("minItems", 0) <= len(value), place
            for item in value:
                self.check_value(item, schema.get("items", {}), f"{place}[]")
        if isinstance(value, dict):
            assert set(schema.get("required", [])) <= set(value), f"{place} lacks a field: {value}"
            known = schema.get("properties")
            assert known is None or set(value) <= set(known), f"{place} has an undocumented field: {value}"
            for name, inner in value.items():
                self.check_value(inner, (known or {}).get(name, {}), f"{place}.{name}")

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found = self.root
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node


@dataclass(kw_only=True)
class Cloud:
    """A running cloud seen from outside: a client with the key for the API, one without for the storage."""

    config: CloudConfig
    base_url: str
    storage_url: str
    api: httpx.Client
    storage: httpx.Client

    def data(self, method: str, path: str, **arguments: Any) -> Any:
        """What a successful call answers."""
        response = self.api.request(method, path, **arguments)
        assert response.is_success, response.text
        return response.json()["data"]

    def make_run(self, project: str = "vision", **fields: Any) -> str:
        """The path of a new run."""
        found = self.data("POST", "/api/projects", json={"name": project})
        body = {"type": "PROFILE", "startedAt": "2026-01-31T02:00:00Z", **fields}
        run = self.data("POST", f"/api/projects/{found['id']}/runs", json=body)
        return f"/api/projects/{found['id']}/runs/{run['id']}"

    def put_bundle(self, bundle: bytes, *, ios: bool = False) -> str:
        """The id of an upload that holds the bundle."""
        body = {"json": {"type": "APPIUM_PYTHON_TEST_PACKAGE"}} if ios else {}
        upload = self.data("POST", "/api/device-cloud/uploads", **body)
        put = self.storage.put(upload["url"], content=bundle, headers={"Content-Type": "application/zip"})
        assert put.status_code == 200, put.text
        return str(upload["id"])

    def submit(self, device: str = "one", **changed: str | bytes | None) -> tuple[str, str]:
        """The ids of a new job and of the download where it will put its results."""
        ios = device.endswith("-ios")
        download = self.data("POST", "/api/device-cloud/downloads")
        upload_id = self.put_bundle(bundle_zip(download["url"], ios=ios, **changed), ios=ios)
        job = self.data("POST", "/api/device-cloud/jobs", json={"modelUploadId": upload_id, "deviceName": device})
        return job["id"], download["id"]

    def job(self, job_id: str) -> Any:
        """The job."""
        return self.data("GET", f"/api/device-cloud/jobs/{job_id}")

    def download(self, download_id: str) -> Any:
        """The download."""
        return self.data("GET", f"/api/device-cloud/downloads/{download_id}")

    def wait(self, job_id: str, status: str = "COMPLETED", timeout_s: float = 10.0) -> Any:
        """The job, once it has come to the status."""
        return wait_for(lambda: job if (job := self.job(job_id))["status"] == status else None, timeout_s)


def wait_for(ready: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """The first true answer of `ready`."""
    deadline = time.monotonic() + timeout_s
    while not (found := ready()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


@pytest.fixture
def executor() -> Executor:
    """A measurement that succeeds at once, unless the test says otherwise."""
    made = Executor()
    made.may_go.set()
    return made


@pytest.fixture
def config(tmp_path: Path, executor: Executor) -> CloudConfig:
    """A cloud's settings in a folder of the test."""
    return CloudConfig(
        data_dir=tmp_path / "cloud", api_key=KEY, execute=executor, devices=lambda: DEVICES, ios_linger_s=0.05
    )


@contextmanager
def serving(config: CloudConfig) -> Iterator[Cloud]:
    """A cloud while the block runs."""
    with ExitStack() as stack:
        server = stack.enter_context(running_server(config))
        api_document, storage_document = Document(API_DOCUMENT), Document(STORAGE_DOCUMENT)
        api = httpx.Client(
            base_url=server.base_url,
            headers={"Authorization": f"Bearer {config.api_key}", "Accept": "application/json"},
            event_hooks={"response": [api_document.check]},
        )
        storage = httpx.Client(base_url=server.storage_url, event_hooks={"response": [storage_document.check]})
        yield Cloud(
            config=config,
            base_url=server.base_url,
            storage_url=server.storage_url,
            api=stack.enter_context(api),
            storage=stack.enter_context(storage),
        )


@pytest.fixture
def serve_cloud() -> Callable[[CloudConfig], Any]:
    """Starts a cloud of given settings: `with serve_cloud(config) as cloud`."""
    return serving


@pytest.fixture
def cloud(config: CloudConfig) -> Iterator[Cloud]:
    """A running cloud."""
    with serving(config) as running:
        yield running


@pytest.fixture(scope="session")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running cloud for tests that do not mind what others leave in it."""
    instant = Executor()
    instant.may_go.set()
    config = CloudConfig(
        data_dir=tmp_path_factory.mktemp("shared") / "cloud", api_key=KEY, execute=instant, devices=lambda: DEVICES
    )
    with serving(config) as running:
        yield running


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a condition, with a deadline."""
    return wait_for


@pytest.fixture
def make_bundle() -> Callable[..., bytes]:
    """Packs a bundle."""
    return bundle_zip


@pytest.fixture
def make_results() -> Callable[..., bytes]:
    """Packs results."""
    return results_zip


@pytest.fixture
def documents() -> tuple[Document, Document]:
    """The API's document and the storage's."""
    return Document(API_DOCUMENT), Document(STORAGE_DOCUMENT)


QUICK = {"num_runs": "5", "min_secs": "0", "max_secs": "1"}


@pytest.fixture
def carry_out(tmp_path: Path) -> Callable[..., ResultFiles]:
    """carry_out("model.onnx", content, **flags) really measures the model on this host and reads the results."""

    def run(name: str, content: bytes, *, beside: dict[str, bytes] = {}, **order: Any) -> ResultFiles:  # noqa: B006
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        for part in ("bundle", "scratch", "results"):
            (folder / part).mkdir()
        for file, data in {name: content, **beside}.items():
            (folder / "bundle" / file).write_bytes(data)
        defaults = {"device_name": "host-cpu-1t", "params": QUICK, "timeout_s": 30.0}
        work = WorkOrder(model_path=folder / "bundle" / name, **{**defaults, **order})
        return read_results(execute(work, folder / "scratch"), folder / "results")

    return run

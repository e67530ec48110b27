"""The command itself, with a phone and this computer in one plan; and what it says and does before there is a phone."""

import csv
import functools
import hashlib
import http.server
import json
import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.localcloud.android.tool import install
from tests.warm_bench import WarmBench

BENCH = str(Path(sys.executable).with_name("bench"))
PLAN = """\
version: 1
name: pocket
local: {adb: true, cooldown: 0s}
models: [tiny.tflite]
devices: [Pixel Pretend, host-cpu-1t]
params: {num_runs: 5, warmup_runs: 1, min_secs: 0.02, max_secs: 0.2}
repeats: 1
limits: {poll_interval: 100ms}
"""

KEY = "served-key-123"
Bench = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def bench(adb_server: Any, tmp_path: Path, tiny: bytes, warm_bench: WarmBench) -> Bench:
    """Runs the command in a folder with the plan and its model, where it finds the tests' adb."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "tiny.tflite").write_bytes(tiny)
    (folder / "plan.yaml").write_text(PLAN)
    environment = {name: value for name, value in os.environ.items() if name != "ADB_SERVER_SOCKET"}

    def run(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return warm_bench.run(arguments, folder, environment | adb_server.environment | more, 120)

    return run


@pytest.fixture
def tool(tmp_path: Path, make_elf: Any) -> Path:
    """A file that could be the tool."""
    (tmp_path / "web").mkdir()
    path = tmp_path / "web/android_aarch64_benchmark_model"
    path.write_bytes(make_elf())
    return path


def sha256(path: Path) -> str:
    """The file's."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_plan_runs_on_a_phone_and_on_this_computer(bench: Bench, phone: Any, tool: Path, tmp_path: Path) -> None:
    missing = bench("run", "plan.yaml", "--quiet")
    assert missing.returncode == 2
    assert "bench cloud setup-android" in missing.stderr
    install(tool, sha256(tool), tmp_path / "work/.bench/android")
    done = bench("run", "plan.yaml", "--quiet")
    assert done.returncode == 0, done.stderr
    (results,) = (tmp_path / "work/reports").glob("*/results.json")
    latency_ms = {job["device"]: job["metrics"]["latency_ms"] for job in json.loads(results.read_text())["jobs"]}
    assert set(latency_ms) == {"Pixel Pretend", "host-cpu-1t"}
    assert latency_ms["Pixel Pretend"] == 12.5
    assert 0 < latency_ms["host-cpu-1t"] != 12.5
    assert "thermal_status 0" in results.with_name("report.html").read_text()
    assert len(list((results.parent / "artifacts").rglob("phone-state.json"))) == 1
    assert phone.files == []


CONVERTING = PLAN.replace(
    "models: [tiny.tflite]", "models: [{path: small.onnx, inputs: {image: [1, 3, 12, 8], ids: [1, 4]}}]"
)


@pytest.fixture
def converter(tmp_path: Path) -> Callable[..., Path]:
    """Writes a program that stands for onnx2tf; beside the plan lies the model that it knows."""
    stub = runpy.run_path(str(Path(__file__).parents[2] / "conversion" / "stub_tool.py"))
    (tmp_path / "work/small.onnx").write_bytes(stub["SMALL"].read_bytes())
    (tmp_path / "work/plan.yaml").write_text(CONVERTING)
    return lambda: stub["write_tool"](tmp_path / "converter" / "onnx2tf")


def test_one_onnx_model_is_measured_as_it_is_here_and_converted_on_the_phone(
    bench: Bench, phone: Any, tool: Path, converter: Any, tmp_path: Path
) -> None:
    install(tool, sha256(tool), tmp_path / "work/.bench/android")
    missing = bench("run", "plan.yaml", "--quiet")
    assert missing.returncode == 2
    assert "bench setup-converter --python python3.12" in missing.stderr
    assert not list(tmp_path.glob("work/reports/*"))
    done = bench("run", "plan.yaml", BENCH_ONNX2TF=str(converter()))
    assert done.returncode == 0, done.stderr
    assert "converting small to TFLite by onnx2tf 2.6.9" in done.stderr
    (results,) = (tmp_path / "work/reports").glob("*/results.json")
    jobs = {job["device"]: job for job in json.loads(results.read_text())["jobs"]}
    assert set(jobs) == {"Pixel Pretend", "host-cpu-1t"}
    assert jobs["host-cpu-1t"]["model_sha256"] == sha256(tmp_path / "work/small.onnx")
    assert jobs["host-cpu-1t"]["runtime"].startswith("ONNX Runtime")
    recorded = Path(__file__).parents[2] / "conversion" / "recorded" / "small.tflite"
    assert jobs["Pixel Pretend"]["model_sha256"] == sha256(recorded)
    assert jobs["Pixel Pretend"]["metrics"]["latency_ms"] == 12.5
    assert jobs["Pixel Pretend"]["parent_run_id"]
    assert phone.files == []
    assert "small (converted)" in done.stdout
    assert "small goes to Pixel Pretend as TFLite, converted by onnx2tf 2.6.9: its outputs differ" in " ".join(
        done.stdout.split()
    )
    check_every_report_says_which_file_was_measured(results.parent)


def check_every_report_says_which_file_was_measured(folder: Path) -> None:
    """The original on this computer, its conversion on the phone, and how far that is from it."""
    results = json.loads((folder / "results.json").read_text())
    files = {cell["device"]: cell["file"] for cell in results["cells"]}
    assert files["host-cpu-1t"]["converted_by"] == ""
    assert files["Pixel Pretend"]["converted_by"] == "onnx2tf 2.6.9"
    assert 0 < files["Pixel Pretend"]["relative"] < 1e-6
    (conversion,) = results["conversions"]
    assert conversion["devices"] == ["Pixel Pretend"]
    assert conversion["model"]["path"] == "model.tflite"
    assert [output["name"] for output in conversion["difference"]["outputs"]] == ["features", "scores", "best"]
    with (folder / "results.csv").open(newline="") as file:
        rows = {row["device"]: row for row in csv.DictReader(file)}
    assert (rows["host-cpu-1t"]["file"], rows["host-cpu-1t"]["converted_by"]) == ("onnx", "")
    assert (rows["Pixel Pretend"]["file"], rows["Pixel Pretend"]["converted_by"]) == ("tflite", "onnx2tf 2.6.9")
    assert float(rows["Pixel Pretend"]["difference_relative"]) == files["Pixel Pretend"]["relative"]
    junit = (folder / "junit.xml").read_text()
    assert "file: onnx, original" in junit
    assert "file: tflite, converted by onnx2tf 2.6.9; differs from the original by under 0.001% (" in junit
    assert r"small \(converted\) | Pixel Pretend" in (folder / "summary.md").read_text()
    page = (folder / "report.html").read_text()
    assert "Converted models" in page
    assert "tflite, converted by onnx2tf 2.6.9, differs by" in page
    assert f"COMPILE run {conversion['hub_run_id']}" in page


def test_a_cable_that_is_pulled_costs_an_attempt_and_no_result(
    bench: Bench, phone: Any, tool: Path, tmp_path: Path, adb_server: Any
) -> None:
    install(tool, sha256(tool), tmp_path / "work/.bench/android")
    plan = tmp_path / "work/plan.yaml"
    plan.write_text(PLAN.replace(", host-cpu-1t]", "]"))
    phone.fault("cable")
    over = threading.Event()

    def plug_in() -> None:
        while not (phone.has("gone") or over.wait(0.05)):
            pass
        phone.mend()
        adb_server.run("connect", phone.address)

    plugging = threading.Thread(target=plug_in)
    plugging.start()
    done = bench("run", "plan.yaml", "--quiet")
    over.set()
    plugging.join()
    assert done.returncode == 0, done.stderr
    (results,) = (tmp_path / "work/reports").glob("*/results.json")
    (job,) = json.loads(results.read_text())["jobs"]
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["failed", "measured"]
    assert job["attempts"][0]["failure"]["kind"] == "device"
    assert phone.files == []


def test_the_doctor_tells_of_each_phone_and_what_to_do(bench: Bench, attach: Any) -> None:
    attach(ro__serialno="AAAA1111")
    stranger = attach("unauthorized", ro__serialno="BBBB2222")
    findings = {found["name"]: found for found in json.loads(bench("doctor", "--json").stdout)}
    assert findings["adb"]["ok"]
    assert findings["phone Pixel Pretend"]["found"] == "Android 16, PretendSilicon P9000: ready"
    unknown = findings[f"phone {stranger.address}"]
    assert not unknown["ok"]
    assert unknown["found"] in ("unauthorized", "authorizing")
    assert "allow USB debugging" in unknown["advice"]
    assert "setup-android" in findings["benchmark_model"]["advice"]


def test_a_served_cloud_offers_phones_as_they_come(attach: Any, served: Any) -> None:
    address = served()

    def names() -> set[str]:
        listed = httpx.get(f"{address}/api/device-cloud/devices", headers={"Authorization": f"Bearer {KEY}"})
        return {device["name"] for device in listed.json()["data"]}

    assert "Pixel Pretend" not in names()
    attach()
    assert {"Pixel Pretend", "host-cpu-1t"} <= names()


@pytest.fixture
def served(adb_server: Any, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """`bench cloud serve --adb` in a process of its own; gives its address."""
    processes = []

    def serve() -> str:
        environment = {name: value for name, value in os.environ.items() if name != "ADB_SERVER_SOCKET"}
        process = subprocess.Popen(
            [BENCH, "cloud", "serve", "--adb", "--port", "0", "--data", str(tmp_path / "cloud")],
            env=environment | adb_server.environment | {"BENCH_CLOUD_API_KEY": KEY},
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout
        return process.stdout.readline().split()[5]

    yield serve
    for process in processes:
        process.terminate()
        process.communicate()
        assert process.returncode == 0


def test_the_setup_says_where_the_tool_is_and_takes_it_from_an_address(
    bench: Bench, tool: Path, web: str, tmp_path: Path
) -> None:
    done = bench("cloud", "setup-android")
    assert done.returncode == 2
    assert "LiteRT's documentation" in done.stderr
    url = f"{web}/{tool.name}?token=secret"
    done = bench("cloud", "setup-android", "--benchmark-model", url, "--sha256", sha256(tool).upper())
    assert done.returncode == 0, done.stderr
    assert "benchmark_model for arm64-v8a is installed" in done.stdout
    (found,) = (tmp_path / "work/.bench/android/arm64-v8a").iterdir()
    assert found.read_bytes() == tool.read_bytes()


@pytest.fixture
def web(tool: Path) -> Iterator[str]:
    """The address of the tool's folder, served by this computer."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tool.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()

"""Synthetic reports that look like real ones: any number of models, devices and variants, with all that goes wrong."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from orchestrator.domain.alert import Alert, AlertKind, AlertState, accept, acknowledge, resolve
from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.device import Device, Platform
from orchestrator.domain.job import Attempt, JobKey, JobResult, StateChange
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.model import ChosenDimension, Model, ModelFormat, Tensor
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome, Skipped
from orchestrator.domain.report import CellReport, GateResult, Report, SessionReport
from orchestrator.domain.run import Run, RunState

START = datetime(2026, 3, 4, 2, 0, 0, tzinfo=UTC)
HOSTILE = (
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror=alert(1)>',
    "<!--<script>",
    "{{7*7}}{% raw %}",
    "safe\u202egnp.exe",
    "a\u2028b\u2029c\x00d\x1b[31me\x9b2J",
    '=HYPERLINK("http://evil.example","x")',
    "@channel [link](javascript:alert(1)) | `code` *b* https://evil.example www.evil.example",
    "[bold red]markup[/] :skull:",
    "long-" * 60,
    "]]>&amp;</testcase>",
    "' onmouseover='alert(1)",
    "\ud800 lone",
)
MODELS = (
    ("mobilenet_v3_large", 3.1, 21.9, 5_480_000, 219_000_000),
    ("efficientnet_lite0", 5.2, 18.6, 4_650_000, 407_000_000),
    ("resnet50_int8", 14.0, 25.7, 25_600_000, 4_090_000_000),
    ("yolov8n_det", 22.0, 12.9, 3_200_000, 4_350_000_000),
    ("yolov8s_seg", 61.0, 47.3, 11_800_000, 21_300_000_000),
    ("deeplabv3_mnv2", 9.0, 8.6, 2_140_000, 2_750_000_000),
    ("squeezenet", 4.6, 5.0, 1_235_496, 352_000_000),
    ("shufflenet", 3.8, 5.7, 1_420_000, 124_000_000),
    ("whisper_tiny_enc", 45.0, 32.9, 8_200_000, 12_000_000_000),
    ("midas_v21_small", 19.0, 66.3, 16_600_000, 3_900_000_000),
)
CHIPS = (
    ("Snapdragon 8 Gen 3", "Samsung Galaxy S24", "samsung", "14", 1.0),
    ("Tensor G4", "Pixel 9 Pro", "Google", "15", 1.35),
    ("A17 Pro", "iPhone 15 Pro", "Apple", "17.4", 0.7),
    ("Dimensity 9300", "vivo X100", "vivo", "14", 1.15),
    ("Exynos 2400", "Samsung Galaxy S24+", "samsung", "14", 1.1),
    ("Snapdragon 695", "moto g84", "Motorola", "13", 4.2),
    ("A14 Bionic", "iPhone 12", "Apple", "16.7", 1.6),
    ("Helio G99", "Redmi Note 13", "Xiaomi", "13", 5.0),
)
OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "HARD_SWISH", "MEAN", "FULLY_CONNECTED", "SOFTMAX")
METRIC_RATIOS = {
    "latency_ms": 1.02,
    "latency_p50_ms": 1.0,
    "latency_p90_ms": 1.08,
    "latency_p95_ms": 1.12,
    "latency_p99_ms": 1.3,
    "latency_min_ms": 0.95,
    "latency_max_ms": 1.6,
    "latency_std_ms": 0.05,
    "first_inference_ms": 1.9,
    "load_ms": 12.0,
}


class ReportFactory:
    """Makes a report of `models` x `devices` x `variants` x `repeats` jobs; the same seed gives the same report."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)

    def __call__(
        self,
        models: int = 3,
        devices: int = 6,
        *,
        variants: tuple[str, ...] = ("default",),
        repeats: int = 3,
        layers: int = 24,
        failing: float = 0.04,
        hostile: bool = False,
        gates: bool = False,
        state: RunState = RunState.COMPLETED,
    ) -> Report:
        found_models = [self.model(index) for index in range(models)]
        found_devices = [self.device(index) for index in range(devices)]
        names = iter(HOSTILE * 40)
        if hostile:
            found_models = [replace(m, name=f"{next(names)} {i}") for i, m in enumerate(found_models)]
            found_devices = [
                replace(d, name=f"{next(names)} {i}", os=next(names), vendor=next(names), cpu=next(names))
                for i, d in enumerate(found_devices)
            ]
            variants = tuple(f"{next(names)} {v}" for v in variants)
        jobs: list[JobResult] = []
        for d, device in enumerate(found_devices):
            clock = START
            for m, model in enumerate(found_models):
                for variant in variants:
                    cell = Cell(model=model.name, device=device.name, variant=variant)
                    broken = self.random.random() < failing
                    shaky = self.random.random() < 0.12
                    base = MODELS[m % len(MODELS)][1] * CHIPS[d % len(CHIPS)][4]
                    for repeat in range(1, repeats + 1):
                        fails = broken or self.random.random() < failing / 4
                        job = self.job(cell, repeat, base, device, layers, clock, fails, shaky, hostile)
                        jobs.append(job)
                        clock = job.attempts[-1].ended_at
        of_cell: dict[Cell, list[JobResult]] = {}
        for job in jobs:
            of_cell.setdefault(job.key.cell, []).append(job)
        cells = tuple(report_cell(cell, found) for cell, found in of_cell.items())
        text = "".join(HOSTILE) if hostile else ""
        if gates:
            cells = tuple(self.with_evidence(cell, number, text) for number, cell in enumerate(cells))
        run = Run(
            id="20260304T020000Z-1a2b3c",
            plan=HOSTILE[0] if hostile else "vision-nightly",
            project=HOSTILE[1] if hostile else "vision",
            cloud="local",
            started_at=START,
            ended_at=max(job.attempts[-1].ended_at for job in jobs) + timedelta(seconds=3),
            plan_sha256="0f" * 32,
            tool_version="0.1.0",
            state=state,
            exit_code=11 if any(job.failed for job in jobs) else 0,
        )
        return Report(
            run=run,
            command=f"bench run vision.yaml {text}".strip(),
            plan_text=f"version: 1\nname: vision-nightly\nmodels:\n  - models/*.onnx\ndevices: ['*']\n# {text}\n",
            models=tuple(found_models),
            devices=tuple(found_devices),
            cells=cells,
            jobs=tuple(jobs),
            gates=self.gates([c.cell for c in cells], text) if gates else (),
            alerts=self.alerts(run, [c.cell for c in cells], text) if gates else (),
            notices=(text or "The cloud answered 429 twice; the run slowed down.",),
        )

    def alerts(self, run: Run, cells: list[Cell], text: str) -> tuple[Alert, ...]:
        """An alert of each kind and state, the first one new."""
        kinds, states = list(AlertKind), list(AlertState)
        made = [
            Alert(
                project=run.project,
                cell=cells[number % len(cells)],
                metric="latency_p50_ms",
                kind=kinds[number % 3],
                since=START - timedelta(days=4 * number),
                before=10.0,
                after=12.0,
                low=0.18 if number % 3 != 1 else None,
                high=0.22 if number % 3 != 1 else None,
                p=1.2e-7 if number % 3 == 1 else None,
                context=text or "os: 14 -> 15" if number == 1 else "",
                run_id=run.id if number == 0 else "20260301T020000Z-0c0ffe",
                opened_at=START - timedelta(days=4 * number),
            )
            for number in range(5)
        ]
        known = acknowledge(made[2], who=text or "ada", reason=text or "driver bug", until=START + timedelta(days=9))
        gone = resolve(made[3], back_since=START, run_id=run.id, because=text or "it passes", now=START)
        wanted = accept(made[4], who=text or "ada", reason="", now=START)
        assert [alert.state for alert in (made[0], known, gone, wanted)] == states
        return (*made[:2], known, gone, wanted)

    def model(self, index: int) -> Model:
        """A validated model; every third has random weights, every fourth a dimension that was chosen."""
        name, _, size_mb, parameters, macs = MODELS[index % len(MODELS)]
        suffix = f"_{index // len(MODELS) + 1}" if index >= len(MODELS) else ""
        chosen = ChosenDimension(input="image", axis=0, name="N", value=1, source="default")
        return Model(
            name=name + suffix,
            path=Path(f"models/{name}{suffix}.onnx"),
            format=ModelFormat.TFLITE if index % 5 == 4 else ModelFormat.ONNX,
            sha256=f"{index:064x}",
            size_bytes=int(size_mb * 1e6),
            inputs=(Tensor(name="image", dtype="float32", shape=("N", 3, 224, 224)),),
            outputs=(Tensor(name="logits", dtype="float32", shape=("N", 1000)),),
            operators={"Conv": 52, "Relu": 35},
            opset=17,
            parameters=parameters,
            multiply_accumulates=macs,
            chosen_dimensions=(chosen,) if index % 4 == 0 else (),
            input_shapes={"image": (1, 3, 224, 224)},
            warnings=("opset 17 is older than the runtime's 28",) if index % 3 == 1 else (),
            random_weights=index % 3 == 0,
        )

    def device(self, index: int) -> Device:
        """A phone; chips repeat with another name."""
        cpu, name, vendor, os, _ = CHIPS[index % len(CHIPS)]
        suffix = f" #{index // len(CHIPS) + 1}" if index >= len(CHIPS) else ""
        platform = Platform.IOS if vendor == "Apple" else Platform.ANDROID
        system = "iOS" if platform is Platform.IOS else "Android"
        return Device(name=name + suffix, platform=platform, os=f"{system} {os}", vendor=vendor, type="PHONE", cpu=cpu)

    def job(
        self,
        cell: Cell,
        repeat: int,
        base_ms: float,
        device: Device,
        layers: int,
        start: datetime,
        fails: bool,
        shaky: bool,
        hostile: bool,
    ) -> JobResult:
        """One job with one attempt, or two where the first met a device that went away."""
        number = self.random.random()
        attempts: list[Attempt] = []
        if number < 0.05:
            lost: Outcome = Failed(kind=FailureKind.DEVICE, reason="the device went away")
            attempts.append(self.attempt(1, start, lost, 20.0))
            start = attempts[0].ended_at
        if fails and number > 0.9:
            outcome: Outcome = Skipped(reason="the run was stopped before this job")
        elif fails:
            kind = self.random.choice((FailureKind.MODEL_CRASH, FailureKind.QUEUE_TIMEOUT, FailureKind.OUT_OF_MEMORY))
            reason = "".join(HOSTILE) if hostile else f"the runtime ended with signal 11\n  #0 {kind}\n  #1 main"
            outcome = Failed(kind=kind, reason=reason)
        else:
            spread = 0.25 if shaky else 0.02
            value = base_ms * (1 + self.random.uniform(-spread, spread))
            outcome = Measured(measurement=self.measurement(value, device, layers, shaky, hostile))
        attempts.append(self.attempt(len(attempts) + 1, start, outcome, 30.0 + base_ms / 10))
        return JobResult(
            key=JobKey(cell=cell, repeat=repeat), outcome=outcome, attempts=tuple(attempts), hub_run_id="run-1"
        )

    def measurement(self, p50_ms: float, device: Device, layers: int, noisy: bool, hostile: bool) -> Measurement:
        """Numbers that hang together: the layers sum to nine tenths of the latency."""
        metrics = {
            name: Metric(value=p50_ms * ratio, unit="ms", definition="nearest rank", source="result", n=100)
            for name, ratio in METRIC_RATIOS.items()
        }
        metrics["peak_memory_mb"] = Metric(value=40 + p50_ms * 2, unit="MB", source="VmHWM")
        metrics["throughput_per_s"] = Metric(value=1000 / p50_ms, unit="1/s")
        weights = [1 + (index * 7) % 11 for index in range(layers)]
        total = sum(weights) or 1
        units = ("NPU", "NPU", "NPU", "GPU", "CPU")
        found = tuple(
            Layer(
                index=index,
                name=HOSTILE[index % len(HOSTILE)] if hostile else f"features.{index}/block/conv",
                type=OPERATORS[index % len(OPERATORS)],
                time_us=900 * p50_ms * weight / total,
                compute_unit=units[index % 5] if device.platform is Platform.IOS else "CPU",
            )
            for index, weight in enumerate(weights)
        )
        return Measurement(
            metrics=metrics,
            layers=found,
            runtime=HOSTILE[2] if hostile else "LiteRT 2.1.0",
            conditions={"threads": "4", "run_delay_pct": f"{self.random.uniform(0, 2):.1f}"},
            noise=(HOSTILE[0] if hostile else "the host was busy: run delay 12 %",) if noisy else (),
        )

    def attempt(self, number: int, start: datetime, outcome: Outcome, seconds: float) -> Attempt:
        """An attempt that uploads, waits, prepares, runs and stops."""
        steps = (
            ("uploading", 0.0),
            ("submitted", 0.05),
            ("PENDING_DEVICE", 0.08),
            ("PREPARING", 0.3),
            ("RUNNING", 0.45),
            ("STOPPING", 0.9),
            ("fetched", 0.97),
        )
        end = start + timedelta(seconds=seconds * self.random.uniform(0.8, 1.4))
        return Attempt(
            number=number,
            started_at=start,
            ended_at=end,
            outcome=outcome,
            job_id=f"job-{self.random.randrange(10**6)}",
            changes=tuple(StateChange(state=state, at=start + (end - start) * part) for state, part in steps),
            files=(f"artifacts/attempt-{number}/tflite-logs.txt",),
            notes=("results came from the download",),
        )

    def with_evidence(self, cell: CellReport, number: int, text: str) -> CellReport:
        """Every fourth cell measured again, every third without a baseline yet."""
        if cell.metric("latency_p50_ms") is None:
            return replace(cell, sensitivity_reason="not every job gave a result")
        best = cell.metric("latency_p50_ms").low
        first = SessionReport(number=1, planned=3, measured=3, trust=cell.trust, value=best, low=best, high=1.1 * best)
        again = replace(first, number=2, value=1.02 * best, why=text or f"suspicious cell {number}")
        sessions = (first, again) if number % 4 == 0 else (first,)
        if number % 3 == 0:
            return replace(cell, sessions=sessions, sensitivity_reason="no baseline yet: 2 of at least 5 sessions")
        reason = "against the last 12 sessions"
        return replace(cell, sessions=sessions, sensitivity=0.0123 + number / 1000, sensitivity_reason=reason)

    def gates(self, cells: list[Cell], text: str) -> tuple[GateResult, ...]:
        """One rule on each cell, with every verdict among them."""
        verdicts = ("pass", "pass", "warn", "fail", "inconclusive")
        return tuple(
            GateResult(
                cell=cell,
                metric="latency_p50_ms",
                rule="at most 5% slower" + text,
                verdict=verdicts[index % 5],
                reason=text or f"the change is {index % 5}% of the baseline",
                value=10.0 + index,
                baseline=10.0,
                change=index / 10.0,
                low=index / 10.0 - 0.037,
                high=index / 10.0 + 0.041,
                sensitivity=0.0271,
                cause="undecided" if index % 5 in (2, 4) else "",
                sessions=2,
                baseline_sessions=12,
                statistic="best",
            )
            for index, cell in enumerate(cells)
        )


@pytest.fixture
def make_report() -> ReportFactory:
    """The factory, freshly seeded."""
    return ReportFactory()


@pytest.fixture
def another_report() -> ReportFactory:
    """The factory with another seed: the same cells, other numbers."""
    return ReportFactory(2)


CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium for a file's tests; beyond it, its event loop would be in the way of those of others."""
    with sync_playwright() as playwright:
        own = str(CHROMIUM) if CHROMIUM.exists() else None
        opened = playwright.chromium.launch(executable_path=own, args=list(FLAGS))
        yield opened
        opened.close()


class Visit:
    """A page that was opened, with everything it complained of or asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))

    def ask(self, script: str) -> Any:
        """What the script says in the page."""
        return self.page.evaluate(script)


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens HTML as a file in a context of its own, whose options may be given."""
    contexts = []

    def open_page(html: str, *, width: int = 1280, **options: Any) -> Visit:
        path = tmp_path / "report.html"
        path.write_bytes(html.encode("utf-8", "replace"))
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        visit = Visit(context.new_page())
        visit.page.goto(path.as_uri())
        assert all(url.startswith(("file://", "data:,")) for url in visit.requests), visit.requests
        return visit

    yield open_page
    for context in contexts:
        context.close()

"""The report page by size of run: bytes, seconds to compare and to render, seconds until the browser is ready.

Budgets: 1.5 MB, rendered in 2 s, DOM ready in 1 s, up to 20 models x 200 devices; the list of 1,000 runs likewise.
"""

import importlib.util
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from orchestrator.domain.compare import compare
from orchestrator.domain.report import Report
from orchestrator.presentation.html_report import to_html
from orchestrator.presentation.json_report import dump_report
from orchestrator.presentation.write import write_index, write_text

SIZES = ((1, 1), (6, 20), (20, 200))
RUNS = 1000
CHROMIUM = Path("/usr/bin/chromium")
REPORTS = Path(__file__).parent.parent / "tests" / "presentation" / "conftest.py"


def factory(seed: int) -> Any:
    """The tests' maker of synthetic reports."""
    spec = importlib.util.spec_from_file_location("synthetic_reports", REPORTS)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.ReportFactory(seed)


def ready_s(browser: Browser, path: Path) -> float:
    """Seconds until the page's DOM is ready."""
    page = browser.new_page()
    page.goto(path.as_uri())
    ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    page.close()
    return float(ready) / 1000


def measure_report(browser: Browser, folder: Path, models: int, devices: int) -> None:
    """Prints one line for one size of run, compared with a baseline of the same size."""
    report, baseline = (factory(seed)(models, devices) for seed in (1, 2))
    to_html(replace(report, cells=report.cells[:1]))  # fills the template's cache
    begin = time.perf_counter()
    compared = replace(report, comparison=compare(report, baseline))
    middle = time.perf_counter()
    html = to_html(compared)
    end = time.perf_counter()
    path = write_text(folder / "report.html", html)
    print(
        f"{models:3} x {devices:3}: {path.stat().st_size / 1e6:.2f} MB, compared in {middle - begin:.2f} s, "
        f"rendered in {end - middle:.2f} s, DOM ready in {ready_s(browser, path):.2f} s"
    )


def measure_index(browser: Browser, folder: Path) -> None:
    """Prints how long the list of RUNS runs takes at first and once its cache is there."""
    report: Report = factory(1)(3, 6, layers=4)
    runs = [
        replace(report.run, id=f"run-{day:04}", started_at=report.run.started_at + timedelta(days=day))
        for day in range(RUNS)
    ]
    for run in runs:
        write_text(folder / run.id / "results.json", dump_report(replace(report, run=run)))
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        path = write_index(runs, folder)
        times.append(time.perf_counter() - begin)
    print(
        f"list of {RUNS:,} runs: {path.stat().st_size / 1e6:.2f} MB, at first in {times[0]:.2f} s, "
        f"then in {times[1]:.2f} s, DOM ready in {ready_s(browser, path):.2f} s"
    )


def main() -> None:
    """Prints all lines."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        own = str(CHROMIUM) if CHROMIUM.exists() else None
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox", "--disable-gpu"])
        for models, devices in SIZES:
            measure_report(browser, Path(name), models, devices)
        measure_index(browser, Path(name) / "runs")
        browser.close()


if __name__ == "__main__":
    main()

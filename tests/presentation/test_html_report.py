"""The page as a file: self-contained, escaped, within its budget. What a browser makes of it is in test_browser."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.outcome import Failed, FailureKind
from orchestrator.domain.report import Report
from orchestrator.domain.run import RunState
from orchestrator.presentation.html_report import to_html

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """Collects the elements of a page and checks that they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=["one", "several", "hostile", "failed", "interrupted"])
def report(request: pytest.FixtureRequest, make_report) -> Report:
    match request.param:
        case "one":
            return make_report(1, 1, repeats=1, failing=0)
        case "several":
            return make_report(4, 6, variants=("cpu", "gpu"), gates=True)
        case "hostile":
            return make_report(5, 7, hostile=True, failing=0.3, gates=True)
        case "failed":
            return all_failed(make_report(2, 2))
        case _:
            return make_report(2, 2, state=RunState.INTERRUPTED)


def all_failed(report: Report) -> Report:
    lost = Failed(kind=FailureKind.QUEUE_TIMEOUT, reason="no device became free")
    jobs = tuple(replace(job, outcome=lost, attempts=()) for job in report.jobs)
    cells = tuple(report_cell(cell.cell, [job for job in jobs if job.key.cell == cell.cell]) for cell in report.cells)
    return replace(report, jobs=jobs, cells=cells)


def test_the_page_nests_and_reaches_for_nothing(report: Report) -> None:
    page = Page(to_html(report))
    assert page.open == []
    for tag, attributes in page.elements:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:,", "artifacts/")), (tag, value)


def test_the_policy_allows_exactly_the_embedded_style_and_script(report: Report) -> None:
    text = to_html(report)
    page = Page(text)
    policy = next(m["content"] for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(scripts) == len(styles) == 1
    for kind, body in (("script-src", scripts[0]), ("style-src", styles[0])):
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "\r" not in text


def test_whatever_the_names_there_are_two_scripts_and_the_data_parses(report: Report) -> None:
    page = Page(to_html(report))
    assert [s.get("type") for s in page.named("script")] == ["application/json", None]
    data = json.loads(page.texts["script"][0])
    assert set(data) == {"matrices", "rest", "layers"}
    assert not page.named("img")


def test_ids_are_unique_and_links_lead_somewhere(report: Report) -> None:
    page = Page(to_html(report))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.named("a")]
    assert {href[1:] for href in links if href and href.startswith("#")} <= set(ids)
    for _, attributes in page.elements:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)


def test_every_picture_is_named_or_repeats_its_row(report: Report) -> None:
    text = to_html(report)
    pictures = re.findall(r"<svg[^>]*>(?:<title>)?", text)
    assert pictures
    assert all('aria-hidden="true"' in svg or svg.endswith("<title>") for svg in pictures)
    marks = re.findall(r"<(?:path|rect)[^>]*>", text)
    assert all(re.search(r'(fill|stroke)="#', mark) for mark in marks)  # coloured without any style sheet


def test_all_failed_says_so_and_is_never_green(make_report) -> None:
    text = to_html(all_failed(make_report(2, 2)))
    assert "✕ NOTHING MEASURED" in text
    assert "No job delivered a latency" in text
    assert "no device became free" in text
    assert "there is no table to draw" in text
    assert "No source gave layers" in text
    assert "nothing on a timeline" in text
    assert "badge good" not in text


def test_what_must_be_said_is_said(make_report) -> None:
    report = make_report(4, 5, failing=0.2)
    text = to_html(report)
    assert "Random weights:" in text
    assert "No gate was judged" in text
    assert "image, axis 0 (N)" in text
    assert report.command in text
    assert "models/*.onnx" in text
    assert "429 twice" in text
    for job in report.jobs:
        if job.failed:
            assert job.failed.kind.replace("_", " ") in text
    for cell in report.cells:
        for reason in cell.reasons:
            assert reason in text
        summary = cell.metric("latency_p50_ms")
        assert summary is None or f"{summary.value:.3g}"[:4] in text


@pytest.mark.parametrize(
    ("models", "devices", "layers", "most_kb"), [(1, 1, 24, 60), (6, 20, 24, 420), (20, 200, 4, 1500)]
)
def test_a_page_stays_within_its_size(make_report, models: int, devices: int, layers: int, most_kb: int) -> None:
    """How long it takes is measured in benchmarks/report_size.py."""
    assert len(to_html(make_report(models, devices, layers=layers)).encode()) < 1000 * most_kb


def test_a_large_run_leaves_nothing_out_of_its_data(make_report) -> None:
    report = make_report(20, 60, layers=0, repeats=1)
    page = Page(to_html(report))
    columns = json.loads(page.texts["script"][0])["rest"]
    lengths = {len(c if isinstance(c, list) else c["index"]) for c in columns}
    assert lengths == {len(report.cells) - 200}

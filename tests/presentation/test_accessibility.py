"""The pages before two judges: axe-core (WCAG 2.2 AA) in a real browser, and a parser that names every HTML error."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tinyhtml5.parser
from axe_playwright_python import sync_playwright as axe_package

from orchestrator.domain.compare import compare
from orchestrator.domain.report import Report
from orchestrator.presentation.html_report import to_html
from orchestrator.presentation.index import to_index
from orchestrator.presentation.index_cache import digests
from orchestrator.presentation.json_report import dump_report
from orchestrator.presentation.write import write_text

AXE = Path(axe_package.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def page_of(kind: str, make_report: Any, another_report: Any) -> str:
    """A report's page: the smallest, one with every section, one with hostile names, one without any result."""
    match kind:
        case "one":
            return to_html(make_report(1, 1, repeats=1, failing=0))
        case "compared":
            report = make_report(3, 3, variants=("cpu", "gpu"), gates=True, failing=0.1, layers=8)
            baseline = another_report(3, 4, variants=("cpu", "gpu"), layers=8)
            return to_html(replace(report, comparison=compare(report, baseline)))
        case "hostile":
            return to_html(make_report(3, 3, hostile=True, gates=True, failing=0.3, layers=8))
        case _:
            return to_html(make_report(2, 2, failing=1.0))


KINDS = ("one", "compared", "hostile", "failed")


def index_of(report: Report, folder: Path) -> str:
    """A list of two runs, with their trends."""
    runs = [replace(report.run, id=name) for name in ("first", "second")]
    for run in runs:
        write_text(folder / run.id / "results.json", dump_report(replace(report, run=run)))
    return to_index(runs, {"first"}, digests(runs, folder))


def html_errors(text: str) -> list[str]:
    """What the HTML standard's parser calls an error."""
    parser = tinyhtml5.parser.HTMLParser()
    parser.parse(text)
    return [f"{position}: {code} {values}" for position, code, values in parser.errors]


def judged(visit: Any) -> list[str]:
    """What axe-core finds, as "rule (impact): targets"."""
    visit.page.evaluate(AXE)
    found = visit.page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    return [f"{one['id']} ({one['impact']}): {[node['target'] for node in one['nodes']][:3]}" for one in found]


def test_the_judge_of_html_hears_errors() -> None:
    assert html_errors("<!doctype html><html lang=en><title>x</title><p><table><p></table></div>")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_valid_html(kind: str, make_report: Any, another_report: Any) -> None:
    assert html_errors(page_of(kind, make_report, another_report)) == []


def test_the_index_is_valid_html(make_report: Any, tmp_path: Path) -> None:
    text = index_of(make_report(2, 3, hostile=True), tmp_path)
    assert "over the last 2 runs" in text
    assert html_errors(text) == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("kind", "scheme", "width"),
    [
        ("one", "light", 390),
        ("compared", "light", 1280),
        ("compared", "dark", 390),
        ("hostile", "dark", 1280),
        ("failed", "light", 1280),
    ],
)
def test_axe_finds_nothing(
    kind: str, scheme: str, width: int, make_report: Any, another_report: Any, visit: Any
) -> None:
    html = page_of(kind, make_report, another_report)
    assert judged(visit(html, width=width, color_scheme=scheme, bypass_csp=True)) == []


@pytest.mark.browser
def test_axe_finds_nothing_in_an_opened_cell_or_the_index(make_report: Any, visit: Any, tmp_path: Path) -> None:
    found = visit(to_html(make_report(2, 2)), bypass_csp=True)
    found.page.locator("#all button.open").first.click()
    found.page.select_option("#beside", index=1)
    assert judged(found) == []
    for scheme in ("light", "dark"):
        assert judged(visit(index_of(make_report(2, 2), tmp_path), color_scheme=scheme, bypass_csp=True)) == []


@pytest.mark.browser
def test_the_judge_of_accessibility_hears_violations(make_report: Any, visit: Any) -> None:
    found = visit(to_html(make_report(1, 1)).replace('<html lang="en">', "<html>"), bypass_csp=True)
    assert any(line.startswith("html-has-lang (serious)") for line in judged(found))

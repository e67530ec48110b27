"""The page in a real browser, from a file, with nothing else to load."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from orchestrator.presentation.html_report import to_html
from orchestrator.presentation.index import to_index

pytestmark = pytest.mark.browser
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
        return self.page.evaluate(script)


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Open]:
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


def shown(visit: Visit) -> list[list[str]]:
    return visit.ask("[...document.querySelectorAll('#all tbody tr')].map(r => [...r.cells].map(c => c.textContent))")


@pytest.mark.parametrize("hostile", [False, True])
def test_no_complaint_no_request_no_page_scroll(make_report, visit: Open, hostile: bool) -> None:
    report = make_report(4, 7, variants=("cpu", "gpu"), hostile=hostile, failing=0.2, gates=True)
    for width, scheme in ((1280, "dark"), (390, "light")):
        found = visit(to_html(report), width=width, color_scheme=scheme)
        assert found.ask("document.documentElement.scrollWidth") <= width
        for select in found.page.locator("select:visible").all():
            select.select_option(index=1)
        found.page.locator("#theme").click()
        for button in found.page.locator("#all th button").all():
            button.evaluate("b => b.click()")
        found.ask("dispatchEvent(new Event('beforeprint'))")
        assert found.complaints == []
        assert len(found.requests) <= 2
        assert "owned" not in found.page.title().split(":")[0]


def test_hostile_names_are_harmless_even_without_the_policy(make_report, visit: Open) -> None:
    html = to_html(make_report(4, 7, hostile=True, failing=0.3, gates=True))
    found = visit(html.replace("Content-Security-Policy", "x-none"))
    found.page.fill("#words", "script")
    assert found.complaints == []
    assert found.ask("document.scripts.length") == 2
    assert found.ask("document.images.length") == 0


def test_sorting_and_filtering(make_report, visit: Open) -> None:
    report = make_report(3, 6, failing=0.2)
    found = visit(to_html(report))
    assert len(shown(found)) == len(report.cells) == 18
    heads = found.ask("[...document.querySelectorAll('#all th')].map(h => h.textContent)")
    column = heads.index("p50 ms")

    found.page.get_by_role("button", name="p50 ms", exact=True).last.click()
    values = [float(row[column]) for row in shown(found) if row[column] != "–"]
    assert values == sorted(values)
    assert found.ask(f"document.querySelectorAll('#all th')[{column}].getAttribute('aria-sort')") == "ascending"
    found.page.get_by_role("button", name="p50 ms", exact=True).last.click()
    values = [float(row[column]) for row in shown(found) if row[column] != "–"]
    assert values == sorted(values, reverse=True)
    last = [row[column] for row in shown(found)]
    assert "–" not in last[: len(values)]  # what is missing stays last in both directions

    found.page.fill("#words", "resnet pixel")
    assert [(row[1], row[2]) for row in shown(found)] == [("resnet50_int8", "Pixel 9 Pro")]
    assert found.page.inner_text("#shown") == "1 of 18 cells"
    found.page.fill("#words", "")
    found.page.get_by_label("Platform").select_option("IOS")
    assert {row[2] for row in shown(found)} == {"iPhone 15 Pro"}


def test_a_filtered_view_can_be_sent_on(make_report, visit: Open) -> None:
    html = to_html(make_report(3, 6, failing=0.2))
    found = visit(html)
    found.page.locator(".chip").first.click()
    found.page.fill("#words", "pixel")
    rows = shown(found)
    assert 0 < len(rows) < 18
    address = found.ask("location.href")
    again = visit(html)
    again.page.goto("about:blank")
    again.page.goto(address)
    assert shown(again) == rows
    assert again.page.input_value("#words") == "pixel"


def test_the_matrix_shows_another_metric_and_comes_back(make_report, visit: Open) -> None:
    found = visit(to_html(make_report(3, 4, failing=0)))
    read = "[...document.querySelectorAll('.matrix td')].map(c => c.textContent + c.className)"
    before = found.ask(read)
    choice = found.page.locator("select.choice")
    choice.select_option(index=3)
    assert found.ask(read) != before
    assert found.page.locator(".chosen").inner_text() == "peak MB"
    choice.select_option(index=6)
    assert found.page.locator(".chosen").inner_text() == "mean ms, times the best of its model"
    assert "1.00×" in found.ask(read)[0]
    choice.select_option(index=0)
    assert found.ask(read) == before


def test_many_cells_come_page_by_page_and_are_all_searched(make_report, visit: Open) -> None:
    report = make_report(10, 60, layers=0, failing=0.05)
    found = visit(to_html(report))
    assert len(shown(found)) == 200
    assert found.page.inner_text("#shown") == "600 of 600 cells"
    found.page.click("#more")
    assert len(shown(found)) == 400
    names = {row[2] for row in shown(found)[200:]}
    found.page.fill("#words", "zzz")
    assert shown(found) == []
    found.page.fill("#words", sorted(names)[0])
    assert shown(found)
    assert found.complaints == []


def test_without_script_the_page_still_reads(make_report, visit: Open) -> None:
    report = make_report(3, 6, failing=0.2)
    found = visit(to_html(report), java_script_enabled=False)
    page = found.page
    assert page.locator("#all tbody tr").count() == len(report.cells)
    assert not page.locator("#filters").is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.locator("table.matrix td").first.is_visible()
    assert page.locator(".plot svg").last.is_visible()


def test_paper_is_light_and_opens_what_is_folded(make_report, visit: Open) -> None:
    found = visit(to_html(make_report(3, 4)), color_scheme="dark")
    closed = "document.querySelectorAll('details:not([open])').length"
    assert found.ask(closed) > 0
    found.ask("dispatchEvent(new Event('beforeprint'))")
    assert found.ask(closed) == 0
    found.page.emulate_media(media="print")
    assert found.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    found.ask("dispatchEvent(new Event('afterprint'))")
    assert found.ask(closed) > 0


def test_a_large_report_is_ready_soon(make_report, visit: Open) -> None:
    found = visit(to_html(make_report(20, 200, layers=4, repeats=1)))
    timing = found.ask("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert timing < 4000  # a second on a quiet machine; tests share two cores
    assert found.ask("document.querySelectorAll('*').length") < 25_000


def test_the_index_links_to_its_reports(make_report, visit: Open) -> None:
    run = make_report(1, 1, hostile=True).run
    found = visit(to_index([run], {run.id}))
    assert found.page.get_by_role("link", name=run.id).get_attribute("href") == f"{run.id}/report.html"
    assert found.complaints == []

"""The page in a real browser, from a file, with nothing else to load."""

import re
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.compare import compare
from orchestrator.presentation.html_report import to_html
from orchestrator.presentation.index import to_index
from orchestrator.presentation.text import change

pytestmark = pytest.mark.browser


def shown(visit: Any) -> list[list[str]]:
    return visit.ask("[...document.querySelectorAll('#all tbody tr')].map(r => [...r.cells].map(c => c.textContent))")


@pytest.mark.parametrize("hostile", [False, True])
def test_no_complaint_no_request_no_page_scroll(make_report, visit: Any, hostile: bool) -> None:
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


def test_hostile_names_are_harmless_even_without_the_policy(make_report, visit: Any) -> None:
    html = to_html(make_report(4, 7, hostile=True, failing=0.3, gates=True))
    found = visit(html.replace("Content-Security-Policy", "x-none"))
    found.page.fill("#words", "script")
    assert found.complaints == []
    assert found.ask("document.scripts.length") == 2
    assert found.ask("document.images.length") == 0


def test_sorting_and_filtering(make_report, visit: Any) -> None:
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


def test_a_filtered_view_can_be_sent_on(make_report, visit: Any) -> None:
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


def test_the_matrix_shows_another_metric_and_comes_back(make_report, visit: Any) -> None:
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


def test_many_cells_come_page_by_page_and_are_all_searched(make_report, visit: Any) -> None:
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


def test_without_script_the_page_still_reads(make_report, visit: Any) -> None:
    report = make_report(3, 6, failing=0.2)
    found = visit(to_html(report), java_script_enabled=False)
    page = found.page
    assert page.locator("#all tbody tr").count() == len(report.cells)
    assert not page.locator("#filters").is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.locator("table.matrix td").first.is_visible()
    assert page.locator(".plot svg").last.is_visible()


def test_paper_is_light_and_opens_what_is_folded(make_report, visit: Any) -> None:
    found = visit(to_html(make_report(3, 4)), color_scheme="dark")
    closed = "document.querySelectorAll('details:not([open])').length"
    assert found.ask(closed) > 0
    found.ask("dispatchEvent(new Event('beforeprint'))")
    assert found.ask(closed) == 0
    found.page.emulate_media(media="print")
    assert found.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    found.ask("dispatchEvent(new Event('afterprint'))")
    assert found.ask(closed) > 0


def test_a_large_report_becomes_few_elements(make_report, visit: Any) -> None:
    found = visit(to_html(make_report(20, 200, layers=4, repeats=1)))
    assert found.ask("document.querySelectorAll('*').length") < 25_000


def test_the_index_links_to_its_reports(make_report, visit: Any) -> None:
    run = make_report(1, 1, hostile=True).run
    found = visit(to_index([run], {run.id}))
    assert found.page.get_by_role("link", name=run.id).get_attribute("href") == f"{run.id}/report.html"
    assert found.complaints == []


def compared(make_report: Any, another_report: Any, *size: int) -> str:
    report = make_report(*size, failing=0.1)
    return to_html(replace(report, comparison=compare(report, another_report(*size, failing=0.1))))


def dialog(visit: Any) -> str:
    return visit.page.inner_text("#cell")


def test_a_cell_opens_from_the_matrix_by_keyboard_alone(make_report, visit: Any) -> None:
    found = visit(to_html(make_report(3, 4, failing=0, gates=True)))
    stops = found.ask("[...document.querySelectorAll('.matrix td')].filter(c => c.tabIndex === 0).length")
    assert stops == 1
    found.ask("document.querySelector('.matrix td').focus()")
    found.page.keyboard.press("ArrowRight")
    found.page.keyboard.press("ArrowDown")
    row, column = found.ask("[document.activeElement.parentElement.rowIndex, document.activeElement.cellIndex]")
    assert (row, column) == (2, 2)
    model, device = found.ask(
        "[document.querySelectorAll('.matrix thead th')[2].textContent,"
        " document.activeElement.parentElement.cells[0].textContent]"
    )
    found.page.keyboard.press("Enter")
    assert found.page.inner_text("#cell-h") == f"{model} on {device.strip()}"
    assert all(word in dialog(found) for word in ("Layers of", "sensitivity", "sessions ms"))
    found.page.keyboard.press("Escape")
    assert not found.page.locator("#cell").is_visible()
    assert found.ask("document.activeElement.cellIndex") == 2  # back where the reader was
    found.page.hover(".matrix tr:nth-child(2) td:nth-child(3)")
    told = found.page.get_attribute(".matrix tr:nth-child(2) td:nth-child(3)", "title")
    assert re.fullmatch(
        rf"{model} on .*; range .*; spread .*; sensitivity .*; sessions ms .*; jobs 3/3; Trust .*", told
    )
    assert found.complaints == []


def test_two_cells_stand_side_by_side_and_the_address_restores_them(make_report, visit: Any) -> None:
    html = to_html(make_report(3, 4, failing=0))
    found = visit(html)
    rows = shown(found)
    heads = found.ask("[...document.querySelectorAll('#all th')].map(h => h.textContent)")
    place = heads.index("p50 ms")
    found.page.locator("#all button.open").nth(0).click()
    found.page.select_option("#beside", label=f"{rows[1][1]} on {rows[1][2]}")
    line = found.page.locator("#numbers tr", has_text="p50 ms").inner_text().split("\t")
    first, second = float(rows[0][place]), float(rows[1][place])
    assert [text.strip() for text in line] == ["p50 ms", rows[0][place], rows[1][place], change(second / first - 1)]
    text = dialog(found)
    again = visit(html)
    again.page.goto("about:blank")
    again.page.goto(found.ask("location.href"))
    assert dialog(again) == text
    assert again.complaints == []


def test_the_script_writes_a_change_as_the_program_does(make_report, visit: Any) -> None:
    """R10 of the design: one number format. The script's only arithmetic is the change between two chosen cells."""
    found = visit(to_html(make_report(2, 6, failing=0)))
    heads = found.ask("[...document.querySelectorAll('#all th')].map(h => h.textContent)")
    rows = shown(found)
    for other in range(1, 6):
        found.page.locator("#all button.open").nth(0).click()
        found.page.select_option("#beside", index=other)
        for name in ("p50 ms", "load ms", "peak MB"):
            place = heads.index(name)
            now, before = (float(row[place].replace(",", "")) for row in (rows[other], rows[0]))
            line = found.page.locator("#numbers tr", has_text=name).first.inner_text().split("\t")
            assert line[3].strip() == change(now / before - 1)
        found.page.keyboard.press("Escape")


def test_filters_hold_for_the_whole_page_and_come_off_again(make_report, another_report, visit: Any) -> None:
    found = visit(compared(make_report, another_report, 3, 6))
    page = found.page
    page.locator("[data-key=device]").first.select_option("Pixel 9 Pro")
    page.locator("[data-key=model]").first.select_option("resnet50_int8")
    assert [(row[1], row[2]) for row in shown(found)] == [("resnet50_int8", "Pixel 9 Pro")]
    fields = "[...document.querySelectorAll('.matrix td')].filter(c => c.checkVisibility()).length"
    assert found.ask(fields) == 1
    titles = "[...document.querySelectorAll('#spread h3')].filter(h => h.checkVisibility()).map(h => h.textContent)"
    assert found.ask(titles) == ["resnet50_int8"]
    page.click("#reset")
    assert found.ask(fields) == 18
    assert len(found.ask(titles)) == 3
    assert len(shown(found)) == 18


def test_every_choice_is_restored_from_the_address(make_report, another_report, visit: Any) -> None:
    html = compared(make_report, another_report, 3, 6)
    found = visit(html)
    page = found.page
    page.get_by_label("Platform").select_option("ANDROID")
    page.locator(".chip").last.click()
    page.locator("#all th button", has_text="p50 ms").click()
    page.locator("#all th button", has_text="p50 ms").click()
    page.locator("select.choice").select_option(index=11)
    state = (
        "[...document.querySelectorAll('#all tbody tr, .matrix td, #shown, .chosen')].map(c => c.textContent)"
        ".concat([...document.querySelectorAll('#all th')].map(h => h.ariaSort))"
    )
    before = found.ask(state)
    again = visit(html)
    again.page.goto("about:blank")
    again.page.goto(found.ask("location.href"))
    assert again.ask(state) == before
    assert "change to the baseline" in again.page.inner_text(".chosen")


def test_an_address_that_means_nothing_changes_nothing(make_report, visit: Any) -> None:
    html = to_html(make_report(2, 3, failing=0))
    found = visit(html)
    address = found.page.url
    for strange in ("#cells?q=%E0%A4%A", "#x?trust=zzz&model=%3Cb%3E&sort=-none&show0=999&cell=a&with=b", "#?&&=&cell"):
        found.page.goto("about:blank")
        found.page.goto(address + strange)
        assert found.complaints == []
        assert not found.page.locator("#cell").is_visible()

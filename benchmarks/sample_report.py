"""Makes the sample in reports/sample and its pictures in docs/: python sample_report.py FOLDER_OF_A_RUN."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from orchestrator.presentation.json_report import load_report
from orchestrator.presentation.write import write_reports

ROOT = Path(__file__).parent.parent
SAMPLE, PICTURES = ROOT / "reports" / "sample", ROOT / "docs"
CHROMIUM = Path("/usr/bin/chromium")


def picture(browser: Browser, name: str, width: int, height: int, scheme: str) -> None:
    """The top of the sample as it looks on a screen of that size."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto((SAMPLE / "report.html").as_uri())
    page.screenshot(path=PICTURES / name)
    page.close()


def main() -> None:
    """Writes the sample's files and pictures."""
    shutil.rmtree(SAMPLE, ignore_errors=True)
    write_reports(load_report(Path(sys.argv[1]) / "results.json"), SAMPLE)
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        own = str(CHROMIUM) if CHROMIUM.exists() else None
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox", "--disable-gpu"])
        picture(browser, "report.png", 1280, 1700, "light")
        picture(browser, "report-dark-phone.png", 390, 1000, "dark")
        browser.close()


if __name__ == "__main__":
    main()

"""One headless browser for all that is looked at in one: the pages in JupyterLab, the page of the service.

Needs Chromium or Chrome, and Playwright to drive it: pip install -e ".[browser]". It takes no other browser
than one that is installed already; CHROMIUM names one that is not found by itself.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

# The first is the second without windows: the same for all that is looked at here, and lighter.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    # No name of another machine is ever found, so that nothing outside is reached even where a test fails.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    # Parts of the browser that no test sees; the first of them takes a third of all the time.
    "--disable-features=PreloadTopChromeWebUI,MediaRouter,OptimizationHints,Translate",
)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason='driving a browser needs its extra: pip install -e ".[browser]"'
    )
    if CHROMIUM is None:
        pytest.skip("no Chromium here; CHROMIUM may name one")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Of a test that failed in the browser, a picture is kept; the report says where."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None:
        picture = Path(tempfile.mkdtemp(prefix="course-browser-")) / "page.png"
        page.screenshot(path=picture)
        report.sections.append(("what the browser showed", str(picture)))
    return report

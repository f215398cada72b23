"""Pictures of the dashboard: ``python -m docs.press.pictures``, from a month made up from a seed.

The data are the same each time; needs Chromium (``make system-deps``).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docs.press.page import ROOT
from playwright.sync_api import Browser, Page, expect, sync_playwright

FOLDER = ROOT / "docs" / "pictures"
SIZE = {"width": 1240, "height": 900}
MONTH = ("--seed", "7", "--period", "2026-10", "--runs", "150", "--days", "31", "--teams", "5")
PATIENCE_MS = 300_000
"""Charts of a page are worked out when they are first asked for."""


def main() -> None:
    """Make up the month, bring it in, serve it, and take every picture."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not on the PATH; make system-deps installs it")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = json.loads(trainfare("simulate", folder + "/month", *MONTH, "--format", "json"))
        os.environ["TRAINFARE_HOME"] = made["home"]
        for step in made["steps"]:
            trainfare(*step)
        [dearest] = json.loads(trainfare("report", "--by", "run", "--format", "json"))["rows"][:1]
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with served(made["home"]) as (url, token):
            for name, path, theme in (
                ("dashboard-overview", "/", "light"),
                ("dashboard-run", f"/runs/{dearest['run']}", "dark"),
            ):
                page = signed_in(browser, url, token, theme)
                wait_for_runs(page, url)
                page.goto(url + path)
                take(page, FOLDER / f"{name}.png")
        browser.close()


def trainfare(*words: str) -> str:
    """What one command prints."""
    print("$ trainfare", *words)
    command = [sys.executable, "-m", "trainfare", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def served(home: str) -> Iterator[tuple[str, str]]:
    """The address of a server on *home* and its first token; it does no jobs of its own."""
    jobs = ("allocate", "alerts", "commitments", "trackers")
    Path(home, "jobs.toml").write_text("[when]\n" + "".join(f'{one} = "off"\n' for one in jobs))
    command = [sys.executable, "-m", "trainfare", "serve", "--port", "0", "--format", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        greeting = json.loads(process.stdout.readline())
        yield greeting["url"], greeting["first_token"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def signed_in(browser: Browser, url: str, token: str, theme: str) -> Page:
    """A page of somebody who came in with *token*."""
    context = browser.new_context(viewport=SIZE, color_scheme=theme, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}/login")
    page.fill("input[name=token]", token)
    page.press("input[name=token]", "Enter")
    page.wait_for_selector("nav.main")
    return page


def wait_for_runs(page: Page, url: str) -> None:
    """A server begins to read its home when it starts; until then its pages know no run."""
    for _ in range(PATIENCE_MS // 1000):
        if page.request.get(f"{url}/api/v1/runs").json()["runs"]:
            return
        page.wait_for_timeout(1000)
    sys.exit("the server knows no run of the month")


def take(page: Page, path: Path) -> None:
    """Take a picture once every part of the page is there, and every chart is drawn."""
    page.wait_for_load_state("networkidle")
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=PATIENCE_MS)
    for chart in page.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()  # one that nobody can see is not drawn
        expect(chart.locator(".bone")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.locator(".bone")).to_have_count(0, timeout=PATIENCE_MS)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path)
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()

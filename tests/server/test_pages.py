"""Pages in a real Chromium: a whole path of a user, and what holds on every page."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import pytest

from server.served import serving

pytest.importorskip("playwright")
from playwright.sync_api import expect, sync_playwright

from cli.commands import call
from flows.bills import hour, write_bill
from reports.chart_cases import CASES
from trainfare.core.money import Money
from trainfare.reports.chart_file import svg_of
from trainfare.reports.chart_groups import GroupSpend, spend_by_group
from trainfare.reports.chart_theme import LIGHT, Look
from trainfare.server.grid import Grid
from trainfare.server.page import STOPS, make_engine

TRAINING = """
import time, trainfare
with trainfare.track("live-one", model="bert", team="nlp", experiment="try", price="36/h") as run:
    for epoch in run.epochs(range(1000)):
        for _ in range(5):
            time.sleep(0.1)
            run.step()
"""


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        if os.environ.get("TRAINFARE_REQUIRE_ALL") == "1":
            pytest.fail("chromium is not on the PATH; make system-deps installs it")
        pytest.skip("chromium is not on the PATH; make system-deps installs it")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A home with a run, a bill that is allocated and a budget, and its server."""
    home = tmp_path_factory.mktemp("pages") / "home"
    labels = ["--team", "nlp", "--model", "bert", "--experiment", "try"]
    for words in (
        ["run", "--run-id", "r-1", "--name", "first", *labels, "--price", "3.6/h", "--", "true"],
        ["run", "--run-id", "r-2", "--name", "second", *labels, "--price", "7.2/h", "--", "true"],
        ["budget", "set", "nlp-month", "--limit", "50", "--scope", "team=nlp"],
    ):
        assert call(home, *words).returncode == 0
    claims = home.parent / "claims.csv"
    claims.write_text(
        "run,resource,start,end,share,label.team\n"
        "r-1,i-1,2026-10-01T00:00:00Z,2026-10-01T03:00:00Z,1,nlp\n"
    )
    assert call(home, "claims", "import", claims).returncode == 0
    with serving(home) as one:
        yield one


@pytest.fixture
def page(browser, server):
    """A page of somebody who is signed in; at the end nothing foreign was asked, nothing broke."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    one = context.new_page()
    one.said = said = []
    asked = []
    one.on("console", lambda message: said.append(message.text) if message.type == "error" else 0)
    one.on("pageerror", lambda error: said.append(str(error)))
    one.on("request", lambda request: asked.append(request.url))
    one.goto(server.url + "/login")
    one.fill("#token", server.token)
    one.click("button[type=submit]")
    one.wait_for_selector("nav.main")
    yield one
    context.close()
    assert said == [], "the console has no error, of scripts or of the content policy"
    assert [url for url in asked if not url.startswith(server.url)] == []


CUT = """[...document.querySelectorAll(".scroll")].filter(one => one.scrollWidth > one.clientWidth)
    .map(one => one.getAttribute("aria-label"))"""


def settled(page):
    """Wait until every part of the page is there."""
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=180_000)


@pytest.fixture
def training(server):
    """A real training that goes on, metered into the home of the server."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING],
        env={**os.environ, "TRAINFARE_HOME": str(server.home), "TRAINFARE_METADATA": "off"},
    )
    yield process
    process.terminate()
    process.wait(20)


def test_a_live_run_ticks(page, server, training):
    """The amount goes on by the second, and the page turns into the receipt when the run ends."""
    page.goto(server.url + "/runs")
    page.click("text=live-one", timeout=60_000)
    ticking = page.locator("[data-say=total]")
    seen, until = set(), time.monotonic() + 60
    while len(seen) < 3 and time.monotonic() < until:
        seen.add(ticking.inner_text())
        page.wait_for_timeout(700)
    assert len(seen) >= 3, seen
    expect(page.locator("[data-say=stage]")).to_contain_text("epoch", timeout=30_000)
    training.terminate()
    expect(page.locator("[data-live]")).to_have_count(0, timeout=90_000)


def test_a_user_s_whole_path(page, server, tmp_path):
    """From signing in to a bill, its seal, a run of it and one charge."""
    bill = write_bill(tmp_path / "october.csv", *(hour("i-1", at, "2.50") for at in range(4)))
    page.goto(server.url + "/bills")
    settled(page)
    assert "Nothing to prove yet" in page.inner_text("#verify")
    page.set_input_files("input[name=bill]", bill)
    page.click("text=Import and allocate")
    page.wait_for_selector("text=The bill is in")
    assert "Nothing to prove yet" not in page.inner_text("#verify"), "not what was before it"
    settled(page)
    assert page.evaluate(CUT) == [], "every column is in sight at 1280 px"
    assert "Conserved to the nano" in page.inner_text("#verify")
    assert "$7.50" in page.inner_text("#verify")
    page.goto(server.url + "/runs")
    assert page.evaluate(CUT) == []
    page.goto(server.url + "/runs/r-1")
    settled(page)
    assert re.search(r"storage\s+none", page.inner_text("section[aria-labelledby=h-parts]"))
    page.click("#charges tbody a >> nth=0")
    page.wait_for_url(re.compile(r"/charges\?"))
    settled(page)
    assert "$2.50" in page.inner_text("main")
    assert "r-1" in page.inner_text("main")


def test_what_is_no_bill_is_refused_with_what_can_be_done(page, server, tmp_path):
    """The page has no place for a mapping file, so it says where one is given."""
    other = tmp_path / "other.csv"
    other.write_text("day,paid\n2026-10-01,3\n")
    page.goto(server.url + "/bills")
    page.set_input_files("input[name=bill]", other)
    page.click("text=Import and allocate")
    expect(page.locator(".notice.bad")).to_contain_text("This page takes no mapping file")
    expect(page.locator(".notice.bad")).to_contain_text("trainfare bill import FILE --mapping")
    [refused] = page.said
    assert "400" in refused
    page.said.clear()


def test_a_budget_is_set_and_deleted(page, server):
    page.goto(server.url + "/budgets")
    page.fill("[name=name]", "night")
    page.fill("[name=limit]", "120")
    page.fill("[name=scope]", "team=nlp")
    page.click("text=Set budget")
    page.wait_for_selector("text=The budget night is set")
    settled(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#b-night summary")
    page.click("#b-night button")
    page.wait_for_selector("text=The budget is deleted")
    assert call(server.home, "budget", "show", "night").returncode != 0


def test_the_list_is_searched_and_two_runs_are_compared(page, server):
    page.goto(server.url + "/runs")
    page.wait_for_selector("text=second")
    page.fill("#q", "first")
    expect(page.locator("#found")).not_to_contain_text("second")
    expect(page).to_have_url(re.compile("q=first"))
    page.go_back()
    page.goto(server.url + "/runs?q=r-")
    for box in page.locator("input[name=run]").all()[:2]:
        box.check()
    page.click("text=Compare two")
    page.wait_for_url(re.compile(r"/compare\?"))
    settled(page)
    assert "Money" in page.inner_text("main")


def test_a_keyboard_is_enough(page, server):
    """The first stop leads past the menu; the menu, a filter and a run follow by Tab and Enter."""
    page.goto(server.url + "/runs")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('tbody th') !== null"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*")


def test_light_and_dark_are_switched_and_remembered(page, server):
    def colour():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.goto(server.url + "/words")
    light = colour()
    page.click("[data-theme-switch]")
    assert colour() != light
    page.reload()
    assert colour() != light


PATHS = [*(one.path for one in STOPS), "/runs/r-1", "/compare?run=r-1&run=r-2", "/nothing"]


OUTSIDE = """[...document.querySelectorAll(".chart svg text")].filter((one) => {
  const [word, chart] = [one, one.ownerSVGElement].map((at) => at.getBoundingClientRect());
  return word.left < chart.left - 2 || word.right > chart.right + 2;
}).map((one) => one.textContent)"""
"""The words of charts that reach beyond their chart."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", [*PATHS, "/login"])
def test_a_page_is_for_everybody(browser, server, path, theme):
    """No serious fault that axe-core finds, nothing wider than a phone, all from this server."""
    from axe_playwright_python.sync_playwright import Axe

    headers = {"Authorization": f"Bearer {server.token}"}
    size = {"width": 1440, "height": 900} if theme == "light" else {"width": 360, "height": 740}
    context = browser.new_context(
        viewport=size, color_scheme=theme, extra_http_headers=headers, reduced_motion="reduce"
    )
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url + path)
    settled(page)
    for chart in page.locator("[data-chart]").all():
        if chart.is_visible():
            chart.scroll_into_view_if_needed()
            expect(chart.locator(".bone")).to_have_count(0, timeout=180_000)
    outside = page.evaluate(OUTSIDE)
    assert outside == [], "words that a chart cuts off"
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert grave == [], json.dumps(
        [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in grave], indent=1
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [url for url in asked if not url.startswith(server.url)] == []
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_button_to_sign_in_is_beside_its_field_or_below(browser, server, width):
    page = browser.new_page(viewport={"width": width, "height": 740})
    page.goto(server.url + "/login")
    field, button = (page.locator(one).bounding_box() for one in ("#token", "[type=submit]"))
    page.close()
    assert button["y"] >= field["y"] - 1


@pytest.mark.parametrize("width", [320, 760])
def test_a_browser_cuts_no_word_of_a_chart(browser, width):
    """Names, units and sentences are as wide in a browser as where the chart was laid out."""
    long = [("(unused commitment)", "compute"), ("(unallocated)", "other"), ("speech", "network")]
    spends = [GroupSpend(group, part, Money(4_135 * 10**9)) for group, part in long]
    look = Look(LIGHT, width)
    charts = [
        spend_by_group(spends, by="team", look=look),
        *(case(look) for case in CASES.values()),
    ]
    page = browser.new_page()
    page.set_content("".join(f'<div class="chart">{svg_of(chart)}</div>' for chart in charts))
    assert page.evaluate(OUTSIDE) == []
    page.close()


def test_the_first_page_is_light(server, browser):
    """All that a browser loads for the overview is below 300 kB."""
    context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {server.token}"})
    page = context.new_page()
    sizes = []
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    page.goto(server.url + "/", wait_until="load")
    settled(page)
    context.close()
    assert sum(sizes) < 300_000, sizes


def test_a_part_that_does_not_come_can_be_asked_for_again(page, server):
    """Where the server is away for a while, the place of a part says so instead of waiting on."""
    page.context.route("**/bills", _with_a_late_part)
    page.context.route("**/parts/untagged", lambda route: route.fulfill(status=503, body="no"))
    page.goto(server.url + "/bills")
    failed = page.locator("#late [role=alert]")
    expect(failed).to_contain_text("503", timeout=60_000)
    page.context.unroute("**/parts/untagged")
    page.said.clear()  # a browser's console tells of the answer, too
    failed.get_by_role("button").click()
    expect(page.locator("#late .part")).to_contain_text(re.compile("Nobody|owner"), timeout=180_000)


def _with_a_late_part(route):
    """The page, and on it a part that is not there yet, whatever the server knows by now."""
    waiting = make_engine().engine.get_template("part_waiting.html")
    part = waiting.render({"name": "untagged", "source": "/parts/untagged", "height": ""})
    answer = route.fetch()
    text = answer.text().replace("</main>", f'<section id="late">{part}</section></main>')
    route.fulfill(response=answer, body=text)


def test_an_earlier_answer_is_asked_for_until_the_new_one_is_there(page, server):
    """However often the answer to a poll is the earlier one again."""
    known = {"name": "proof", "source": "/parts/proof", "template": "parts/proof.html"}
    earlier = (
        make_engine()
        .engine.get_template("part_known.html")
        .render(known, is_current=False, age=5.0, grids=[Grid("Proof", (), ())])
    )
    asked = []

    def answer(route):
        asked.append(1)
        if len(asked) < 4:
            route.fulfill(status=200, content_type="text/html", body=earlier)
        else:
            route.continue_()

    page.route("**/parts/proof*", answer)
    page.goto(server.url + "/bills")
    page.evaluate("htmx.ajax('GET', '/parts/proof', {target: '#verify .part', swap: 'outerHTML'})")
    expect(page.locator("#verify")).to_contain_text("As it was 5 s ago", timeout=60_000)
    expect(page.locator("#verify")).not_to_contain_text("As it was 5 s ago", timeout=60_000)
    settled(page)
    assert len(asked) >= 4

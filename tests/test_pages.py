"""The pages at the front say what really happens: their code runs, their links lead somewhere."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")])
ROOMS = ROOT / "src" / "trainfare"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def skeleton(text):
    """The shape of an output: words kept, figures and what depends on the machine left out."""
    lines = []
    for line in text.strip().splitlines():
        if not line or line.startswith(("machine", "·", "  ")) or "sent" in line:
            continue
        lines.append(re.sub(r"\s+", " ", re.sub(r"[0-9][0-9.,:]*|r-\w+", "0", line)).strip())
    return lines


def test_the_first_lines_of_the_readme_run_and_print_what_it_shows(tmp_path):
    code = blocks(ROOT / "README.md", "python")[0]
    shown = blocks(ROOT / "README.md", "text")[0]
    assert len(code.strip().splitlines()) <= 6
    env = {**os.environ, "TRAINFARE_HOME": str(tmp_path), "TRAINFARE_METADATA": "off"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert skeleton(done.stdout) == skeleton(shown)


@pytest.mark.parametrize(
    "page", ["SPEC.md", "docs/explanation/variance.md", "docs/explanation/commitments.md"]
)
def test_the_worked_numbers_are_true(page):
    failed, tried = doctest.testfile(str(ROOT / page), module_relative=False)
    assert tried > 5
    assert failed == 0


def places(page):
    """The anchors of a page's headings, as forges and the site make them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one_and_to_a_heading_of_it(page):
    targets = re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
    lost = [t for t, _ in targets if not (page.parent / t).exists()]
    for target, anchor in targets:
        to = page.parent / target if target else page
        if anchor and to.suffix == ".md" and to.exists() and anchor not in places(to):
            lost.append(f"{target}#{anchor}")
    assert lost == []


def test_the_table_of_rooms_is_the_house():
    named = set(
        re.findall(r"^\| `(\w+)/` \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    )
    there = {p.name for p in ROOMS.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert named == there


def test_every_command_is_on_a_page():
    from trainfare.cli.main import COMMANDS

    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [c for c in COMMANDS if not re.search(rf"`?trainfare [^`\n]*{c}|`{c}\b", text)] == []


@pytest.mark.parametrize("room", ["tutorial", "how-to"])
def test_every_tutorial_and_how_to_stands_in_the_table_of_contents(room):
    listed = re.findall(rf"^{room}/([\w-]+)$", (ROOT / "docs/index.md").read_text(), re.MULTILINE)
    there = {page.stem for page in (ROOT / "docs" / room).glob("*.md")}
    assert sorted(listed) == sorted(there)


def test_the_pages_made_from_the_code_are_as_the_code_is():
    """``make reference`` (or ``python -m docs.press``) writes them anew."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    done = subprocess.run(
        [sys.executable, "-m", "docs.press", "--check"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)

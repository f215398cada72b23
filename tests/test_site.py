"""The site of docs/ is built without a warning, holds together, and asks nobody else for anything."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]


class Page(HTMLParser):
    """What a page links to, what it loads, and what may be linked to in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.places = [], [], {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        self.places.add(said.get("id"))
        if tag == "a" and said.get("href") is not None:
            self.links.append(said["href"])
        elif tag in ("img", "script", "iframe", "source") and said.get("src"):
            self.loads.append(said["src"])
        elif tag == "link" and said.get("href"):
            self.loads.append(said["href"])


def test_the_site_is_built_without_a_warning_and_holds_together(tmp_path):
    """One test, for the building takes longest: many workers would each build it."""
    words = ["--quiet", "--fail-on-warning", "--keep-going", "-c", "docs"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, "-d", str(tmp_path / "kept"), ".", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    site = tmp_path / "site"
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert unreached(site, pages) == []
    assert lost_links(pages) == []
    assert loads_from_elsewhere(site, pages) == []


def unreached(site, pages):
    """Pages of docs/ that are not in the site, or that nothing leads to from its front."""
    sources = [p.relative_to(ROOT) for p in (ROOT / "docs").rglob("*.md") if "_site" not in p.parts]
    assert len(sources) > 50
    front, seen = [site / "index.html", site / "docs" / "index.html"], set()
    while front:
        path = front.pop()
        if path not in pages or path in seen:
            continue
        seen.add(path)
        targets = [urlsplit(link) for link in pages[path].links]
        front += [target_of(path, one) for one in targets if not one.scheme]
    return [str(one) for one in sources if site / one.with_suffix(".html") not in seen]


def target_of(path, parts):
    return (path.parent / unquote(parts.path)).resolve() if parts.path else path


def lost_links(pages):
    """Links within the site to a page, file or place that there is not."""
    lost = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            to = target_of(path, parts)
            there = pages[to].places if to in pages else ({""} if to.is_file() else set())
            if unquote(parts.fragment) not in there:
                lost.append(f"{path.name}: {link}")
    return lost


def loads_from_elsewhere(site, pages):
    """What a page or a style sheet would fetch from another host."""
    found = [one for page in pages.values() for one in page.loads if urlsplit(one).netloc]
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        found += re.findall(r"@import[^;]*|url\([\"']?(?:https?:)?//[^)]*", text)
    return found

"""Every amount on every page says which kind it is, and the kind leads to what it means."""

import re
import time
from html.parser import HTMLParser

import pytest

from server.served import serving
from server.two_teams import FOREIGN, OWN, fill
from trainfare.server.page import STOPS

AMOUNT = re.compile(r"[$€£]\s?\d|\d (?:USD|EUR)\b")
SILENT = {"script", "style", "svg", "pre", "code", "template", "title", "option"}
BLOCKS = {"td", "th", "dd", "li", "p", "summary", "caption"}
VOID = {"input", "meta", "link", "br", "hr", "img", "rect", "path"}


class Node:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, dict(attributes), parent
        self.children, self.texts = [], []

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def up(self):
        node = self
        while node is not None:
            yield node
            node = node.parent

    @property
    def is_kind(self):
        return "kind" in self.attributes.get("class", "").split()


class Tree(HTMLParser):
    """A page as nodes."""

    def __init__(self, text):
        super().__init__()
        self.root = self.at = Node("root", (), None)
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        node = Node(tag, attrs, self.at)
        self.at.children.append(node)
        if tag not in VOID:
            self.at = node

    def handle_startendtag(self, tag, attrs):
        self.at.children.append(Node(tag, attrs, self.at))

    def handle_endtag(self, tag):
        if tag not in VOID:
            while self.at.tag != tag:
                self.at = self.at.parent
            self.at = self.at.parent

    def handle_data(self, data):
        self.at.texts.append(data)


def unmarked(text):
    """The amounts of a page beside which no kind stands, nor in their row or the head of their column."""
    tree = Tree(text)
    found = []
    for node in tree.root.walk():
        said = "".join(node.texts)
        if not AMOUNT.search(said) or any(one.tag in SILENT for one in node.up()):
            continue
        block = next((one for one in node.up() if one.tag in BLOCKS), node)
        row = next((one for one in block.up() if one.tag == "tr"), block)
        if any(one.is_kind for one in row.walk()) or _head_has_kind(block):
            continue
        found.append(" ".join(said.split()))
    return found


def _head_has_kind(cell):
    if cell.tag not in ("td", "th"):
        return False
    place = [one for one in cell.parent.children if one.tag in ("td", "th")].index(cell)
    table = next(one for one in cell.up() if one.tag == "table")
    head = next(one for one in table.walk() if one.tag == "tr")
    return any(one.is_kind for one in head.children[place].walk())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("kinds") / "home"
    fill(home)
    with serving(home) as one:
        one.pages = {}
        yield one


def whole(server, path):
    """A page, and behind it the parts and charts that come later; each is asked for once."""
    if path not in server.pages:
        server.pages[path] = _whole(server, path)
    return server.pages[path]


def _whole(server, path):
    text = server.ask(path, headers={"Accept": "text/html"})[2].decode()
    for later in (r'hx-get="(/parts/[^"]+)"[^>]*aria-busy', r'data-chart="([^"]+)"'):
        for source in re.findall(later, text):
            text = text.replace("</body>", _arrived(server, source) + "</body>")
    return text


def _arrived(server, source):
    until = time.monotonic() + 120
    while True:
        status, _, body = server.ask(source.replace("&amp;", "&"))
        if status == 200 and b"bone half" not in body:
            return body.decode()
        assert time.monotonic() < until, (source, status)
        time.sleep(0.2)


PATHS = [
    *(one.path for one in STOPS),
    f"/runs/r-{OWN}",
    "/resources?period=2026-10",
    f"/compare?run=r-{OWN}&run=r-{FOREIGN}",
    "/experiments?experiment=okapi-quest",
    "/prices?q=H100",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_amount_says_its_kind(server, path):
    assert unmarked(whole(server, path)) == []


def test_a_charge_says_its_kind(server):
    [charge, *_] = server.json(f"/api/v1/runs/c-{OWN}/explain")["parts"]
    page = whole(server, f"/charges?charge={charge['charge']}")
    assert "$2.50" in page
    assert unmarked(page) == []


def test_every_kind_leads_to_what_it_means(server):
    words = set(re.findall(r'id="([^"]+)"', whole(server, "/words")))
    for path in PATHS:
        linked = re.findall(r'href="/words#([^"]+)"', whole(server, path))
        assert set(linked) <= words, path


@pytest.mark.parametrize("path", PATHS)
def test_every_table_has_its_files(server, path):
    """As many links to CSV as tables, at least; each answers with a head and lines."""
    text = whole(server, path)
    links = {one.replace("&amp;", "&") for one in re.findall(r'href="([^"]+form=csv)"', text)}
    assert len(links) >= text.count("<table")
    for link in links:
        status, _, body = server.ask(link)
        assert status == 200, link
        assert body.count(b"\n") >= 1, link


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<p>$5.00</p>", 1),
        ('<p>$5.00 <a class="kind" href="/words#billed">billed</a></p>', 0),
        ("<table><tr><th>A</th></tr><tr><td>€7</td></tr></table>", 1),
        ('<table><tr><th>A<a class="kind"></a></th></tr><tr><td>€7</td></tr></table>', 0),
        ("<dl><dd>12 USD</dd></dl><svg><text>$5</text></svg>", 1),
    ],
)
def test_the_look_sees_an_amount_without_a_kind(html, count):
    assert len(unmarked(html)) == count

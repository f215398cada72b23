"""Documents: pages that need no network, PDFs with page numbers, and no word of a user as markup."""

import os
import re
import subprocess
from html.parser import HTMLParser

import pytest

from trainfare.core.money import Money
from trainfare.reports.cell import Column, Kind, Role, Row
from trainfare.reports.chart_groups import GroupSpend, spend_by_group
from trainfare.reports.document import (
    ROWS_SHOWN,
    Chapter,
    Document,
    Figure,
    Section,
    Slice,
    plain_document,
)
from trainfare.reports.document_picture import picture_of
from trainfare.reports.html_document import html_of
from trainfare.reports.pdf_document import pdf_of
from trainfare.reports.table import Table

WICKED = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "#emph[x] *b* $x$ `c` @ref <lab> \\ //",
    '#read("/etc/hosts")',
    "'); DROP TABLE teams; --",
]


def table_of(names):
    rows = tuple(
        Row({"team": name, "total": Money(10**9), "old": None}, whys={"old": name})
        for name in names
    )
    total = {"team": "all", "total": Money(len(names) * 10**9), "old": None}
    return Table(
        title="t",
        by=("team",),
        columns=(
            Column("team", Kind.TEXT, what=names[0]),
            Column("total", Kind.MONEY, "USD", True),
            Column("old", Kind.MONEY, "USD"),
        ),
        rows=rows,
        total=Row(total, Role.TOTAL),
        currency="USD",
    )


def document_of(names, *, with_chart=True):
    """Every place of a document that takes a word of a user."""
    word = names[0]
    spends = [GroupSpend(name, "compute", Money(10**9)) for name in names]
    picture = picture_of(lambda look: spend_by_group(spends, by="team", look=look))
    section = Section(word, word, table_of(names), picture if with_chart else None, word, (word,))
    slices = (Slice(word, Money(3), "own"), Slice("rest", Money(-1), "idle", is_kept=True))
    chapter = Chapter(word, (Figure(word, word, word),), slices, (section,))
    facts = ((word, word),)
    return Document(word, word, (chapter, chapter), facts, (word,), (word,))


class Page(HTMLParser):
    """The tags, attributes and words of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


def pdf_text(made, tmp_path, need, *options):
    path = tmp_path / "out.pdf"
    path.write_bytes(made)
    return subprocess.run(
        [need("pdftotext"), *options, path, "-"], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("word", WICKED)
def test_no_word_of_a_user_is_markup_of_a_page(word):
    page = Page(html_of(document_of([word, "nlp"])))
    assert not {"script", "img", "iframe", "object", "embed", "link"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.words.count(word) >= 10


@pytest.mark.parametrize("word", WICKED)
def test_no_word_of_a_user_is_markup_of_a_pdf(word, tmp_path, need):
    text = pdf_text(pdf_of(document_of([word], with_chart=False)), tmp_path, need)
    squeezed = re.sub(r"\s", "", text)
    assert squeezed.count(re.sub(r"\s", "", word)) >= 8


def test_a_page_asks_the_network_for_nothing():
    """Not even a namespace: the page can be searched for addresses, and there are none."""
    html = html_of(document_of(["nlp", "vision"]))
    assert not re.search(r"https?:|ftp:|@import|<base|<link|\bsrc=|\bsrcset=", html)
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', html))


def test_charts_stand_in_a_page_for_both_themes_and_sizes_with_ids_of_their_own():
    html = html_of(document_of(["nlp", "vision"]))
    page = Page(html)
    assert page.tags.count("svg") == 2 * 4
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    used = re.findall(r"url\(#([^)]+)\)", html)
    assert set(used) <= set(ids)
    (about,) = {v for n, v in page.attributes if n == "aria-label" and v.startswith("Spend")}
    assert about.endswith("Exactly $2.00.")


def test_tables_are_read_by_keyboard_and_by_ear():
    page = Page(html_of(document_of(["nlp"])))
    assert ("scope", "col") in page.attributes
    assert ("scope", "row") in page.attributes
    regions = [value for name, value in page.attributes if (name, value) == ("role", "region")]
    assert len(regions) == 2
    assert page.attributes.count(("tabindex", "0")) == 4
    assert ("lang", "en") in page.attributes


def test_a_long_table_says_how_much_more_there_is():
    plain = plain_document(document_of([f"t{n}" for n in range(ROWS_SHOWN + 7)]))
    table = plain["chapters"][0]["sections"][0]["table"]
    assert len(table["rows"]) == ROWS_SHOWN + 1
    assert table["notes"][0].startswith("7 more rows are in the CSV")
    assert table["rows"][-1]["cells"][1]["text"] == "$507.00"


def test_a_bar_shows_what_is_above_zero_and_the_list_all():
    slices = plain_document(document_of(["nlp"]))["chapters"][0]["slices"]
    assert [(one["percent"], one["is_kept"]) for one in slices] == [
        ("100.00", False),
        ("0.00", True),
    ]


def test_a_pdf_has_page_numbers_tags_and_the_same_bytes_again(tmp_path, need):
    made = pdf_of(document_of(["nlp", "vision"]))
    assert made == pdf_of(document_of(["nlp", "vision"]))
    assert b"pdfuaid" in made
    text = pdf_text(made, tmp_path, need)
    pages = re.findall(r"Page (\d+) of (\d+)", text)
    assert [int(page) for page, _ in pages] == list(range(1, len(pages) + 1))
    assert {int(of) for _, of in pages} == {len(pages)}
    assert "$2.00" in text


def test_signs_that_the_font_lacks_still_make_a_pdf(tmp_path, need):
    made = pdf_of(document_of(["模型", "🚀"], with_chart=False))
    fonts = subprocess.run([need("fc-list"), ":charset=6a21"], capture_output=True, check=True)
    if not fonts.stdout and os.environ.get("TRAINFARE_REQUIRE_ALL") != "1":
        pytest.skip("no font here has 模, so a box is drawn; `make system-deps` installs one")
    assert "模型" in pdf_text(made, tmp_path, need)

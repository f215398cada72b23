"""Charts on pages: each has its numbers as a table, which files have whole."""

import csv
import io
import re
import time
from decimal import Decimal

import pytest

from server.served import serving
from server.two_teams import OWN, fill


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("picture") / "home"
    fill(home)
    with serving(home) as one:
        yield one


def drawn(server, path):
    until = time.monotonic() + 90
    while (answer := server.ask(path))[0] == 202:
        assert time.monotonic() < until, path
        time.sleep(0.1)
    assert answer[0] == 200, answer
    return answer[2].decode()


def test_a_chart_says_what_it_shows_and_its_numbers_sum_to_the_bill(server):
    text = drawn(server, "/charts/spend?width=900")
    assert re.search(r'<div role="img" aria-label="[^"]+"', text)
    assert "The numbers as a table" in text
    [link] = re.findall(r'href="(/charts/spend/table[^"]*form=csv)"', text)
    _, headers, body = server.ask(link.replace("&amp;", "&"))
    assert headers["Content-Disposition"] == 'attachment; filename="spend.csv"'
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    column = next(name for name in rows[0] if rows[0][name].replace(".", "").isdigit())
    assert sum(Decimal(row[column]) for row in rows) == 20


def test_a_table_that_is_not_there_is_not_found(server):
    assert server.ask("/charts/spend/table?grid=9")[0] == 404
    assert server.ask("/charts/nothing/table")[0] == 400
    status, _, body = server.ask(f"/charts/timeline/table?run=r-{OWN}&form=parquet")
    assert (status, body[:4]) == (200, b"PAR1")


def test_a_chart_of_nothing_says_why(server):
    assert 'class="empty"' in drawn(server, "/charts/frontier?run=r-none")

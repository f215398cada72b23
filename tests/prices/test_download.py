"""Downloads: bounded, retried where that can help, and one sentence when they fail."""

import gzip
import json
from decimal import Decimal

import pytest

from prices.servers import HASTE, Reply, serving
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.prices.download import Line, fetch, fetch_json, open_stream, text_of


def test_numbers_arrive_exactly():
    with serving(lambda call: Reply(b'{"price": 0.1, "count": 3}')) as service:
        document, _ = fetch_json(HASTE, service.url)
    assert document == {"price": Decimal("0.1"), "count": 3}


def test_an_unchanged_answer_is_none_and_the_mark_is_sent_back():
    def answer(call):
        if call.headers.get("if-none-match") == '"v1"':
            return Reply(status=304)
        return Reply({}, headers={"ETag": '"v1"'})

    with serving(answer) as service:
        assert fetch_json(HASTE, service.url) == ({}, '"v1"')
        assert fetch_json(HASTE, service.url, etag='"v1"') is None


def test_packed_answers_are_unpacked_and_bounded_by_what_they_unpack_to():
    bomb = gzip.compress(b"[" * (HASTE.limit + 1))
    with serving(
        lambda call: Reply(gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})
    ) as service:
        assert fetch_json(HASTE, service.url)[0] == {"a": 1}
        with open_stream(HASTE, service.url) as (stream, _):
            assert text_of(stream).read() == '{"a": 1}'
    with serving(lambda call: Reply(bomb, headers={"Content-Encoding": "gzip"})) as service:
        with pytest.raises(OutsideFailed, match="more than"):
            fetch(HASTE, service.url)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_in_trouble_is_asked_again_with_longer_waits(status):
    waits = []
    line = Line(timeout_seconds=5, attempts=4, pause=waits.append)
    with serving(lambda call: Reply("busy", status)) as service:
        with pytest.raises(OutsideFailed, match=f"in 4 tries: HTTP {status}"):
            fetch(line, service.url)
        assert len(service.calls) == 4
    assert waits == [1.0, 2.0, 4.0]


def test_a_server_that_recovers_is_believed():
    replies = [
        Reply("busy", 503, {"Retry-After": "7"}),
        Reply("busy", 503, {"Retry-After": "99999"}),
        Reply({}),
    ]
    waits = []
    with serving(lambda call: replies.pop(0)) as service:
        line = Line(timeout_seconds=5, attempts=4, pause=waits.append)
        assert fetch_json(line, service.url) == ({}, "")
    assert waits == [7.0, 60.0], "a server may not keep us waiting for a day"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_clear_no_is_not_asked_again(status):
    with serving(lambda call: Reply("no", status)) as service:
        with pytest.raises(OutsideFailed, match=f"HTTP {status}"):
            fetch(HASTE, service.url)
        assert len(service.calls) == 1


@pytest.mark.parametrize(
    "body", [b"<html>maintenance</html>", b"", b'{"Items": [', b"[1, 2]", b'"text"', b"\xff\xfe"]
)
def test_what_is_no_json_object_is_refused(body):
    with serving(lambda call: Reply(body)) as service:
        with pytest.raises(OutsideFailed, match="did not answer with"):
            fetch_json(HASTE, service.url)


def test_an_answer_that_breaks_off_is_refused():
    with serving(lambda call: Reply(b'{"a": 1', headers={"Content-Length": "1000"})) as service:
        with pytest.raises(OutsideFailed):
            fetch_json(HASTE, service.url)


def test_an_endless_answer_is_refused_at_the_limit():
    with serving(lambda call: Reply(b" " * (HASTE.limit + 1))) as service:
        with pytest.raises(OutsideFailed, match="sent more than"):
            fetch_json(HASTE, service.url)


def test_nobody_there_is_one_sentence():
    with serving(lambda call: Reply({})) as service:
        url = service.url
    with pytest.raises(OutsideFailed, match="gave no prices in 2 tries"):
        fetch(HASTE, url)


def test_a_key_in_an_address_is_never_shown():
    with serving(lambda call: Reply("no", 403)) as service:
        with pytest.raises(OutsideFailed) as caught:
            fetch(HASTE, f"{service.url}/skus?key=SECRET")
    assert "SECRET" not in str(caught.value)
    assert "/skus" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/x", "prices.azure.com", "http://"]
)
def test_only_web_addresses_are_opened(url):
    with pytest.raises(BadInput, match="not an http or https address"):
        json.dumps(fetch(HASTE, url))

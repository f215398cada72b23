"""One exchange: whole answers come back, everything else is a reason within the bound."""

import socket
import time

import pytest

from metering.loopback import behaving, drip, flood, hang, says, serving
from trainfare.metering.linklocal import NoAnswer, ask, split_base


def soon() -> float:
    return time.monotonic() + 0.2


def asked(base: str, path: str = "/x") -> str:
    return ask(base, path, deadline_s=time.monotonic() + 2).body


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
    ],
    ids=["length", "until it hangs up", "chunked"],
)
def test_a_body_is_read_by_its_own_account_of_its_end(text):
    with behaving(says(text)) as base:
        assert asked(base) == "hello"


def test_an_answer_is_whole_before_a_server_that_keeps_the_line_open_hangs_up():
    def keep_open(connection, over):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        over.wait(10)

    with behaving(keep_open) as base:
        began_s = time.monotonic()
        assert ask(base, "/", deadline_s=began_s + 5).body == "ok"
        assert time.monotonic() - began_s < 2


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (hang, "no answer in time"),
        (drip, "no answer in time"),
        (flood, "sent more than 256 kB|no answer in time"),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), "does not speak HTTP"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "hung up"),
        (says(b""), "hung up"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "chunk without"),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nx\r\n"),
            "chunk without",
        ),
    ],
    ids=["hang", "drip", "flood", "not HTTP", "half", "nothing", "bad chunk", "negative chunk"],
)
def test_every_misbehaviour_is_a_reason_within_the_bound(behave, reason):
    with behaving(behave) as base:
        began_s = time.monotonic()
        with pytest.raises(NoAnswer, match=reason):
            ask(base, "/", deadline_s=soon())
        assert time.monotonic() - began_s < 2


def test_a_redirect_is_not_followed():
    routes = {("GET", "/x"): (302, "", {"Location": "/y"}), ("GET", "/y"): (200, "elsewhere")}
    with serving(routes) as service:
        with pytest.raises(NoAnswer, match="answered 302"):
            asked(service.url)
        assert service.paths() == ["/x"]


def test_a_refused_connection_says_so():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoAnswer, match="refused"):
        asked(f"http://127.0.0.1:{port}")


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    with serving({("GET", "/x"): (200, "direct")}) as service:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        assert asked(service.url) == "direct"


def test_a_past_deadline_asks_nobody():
    with serving({("GET", "/x"): (200, "late")}) as service:
        with pytest.raises(NoAnswer, match="in time"):
            ask(service.url, "/x", deadline_s=time.monotonic() - 1)
        assert service.requests == []


@pytest.mark.parametrize(
    "base",
    ["https://127.0.0.1", "ftp://x", "127.0.0.1:80", "http://", "http://x:99999", "http://x/y"],
)
def test_only_plain_http_to_a_host_is_spoken(base):
    with pytest.raises(ValueError, match=r"http://HOST|Port out of range"):
        split_base(base)
    with pytest.raises(NoAnswer):
        asked(base)

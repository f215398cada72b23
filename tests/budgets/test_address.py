"""Addresses of webhooks: nobody makes this host ask its own network, or the cloud's metadata."""

import http.client
import ipaddress
import socket
import threading

import pytest

from budgets.receivers import Receiver
from trainfare.budgets.address import Forbidden, may_reach, post

INNER = ["10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "100.64.0.1", "::1", "fd12::1"]
NEVER = [
    "169.254.169.254",
    "169.254.1.1",
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "::",
]
PUBLIC = ["8.8.8.8", "2606:4700::1111"]
DRESSES = ["::ffff:0:0", "64:ff9b::", "2002::"]


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


@pytest.mark.parametrize("text", INNER)
def test_an_inner_address_is_reached_only_where_it_is_meant(text):
    address = ipaddress.ip_address(text)
    assert not may_reach(address, is_private=False)
    assert may_reach(address, is_private=True)


@pytest.mark.parametrize("text", NEVER)
def test_metadata_and_the_like_are_never_reached(text):
    for is_private in (False, True):
        assert may_reach(ipaddress.ip_address(text), is_private=is_private) is False


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_reached(text):
    assert may_reach(ipaddress.ip_address(text), is_private=False)


def dressed(text, dress):
    """An IPv4 address within one of IPv6."""
    number = int(ipaddress.IPv4Address(text))
    shift = 80 if dress == "2002::" else 0
    return ipaddress.IPv6Address(int(ipaddress.IPv6Address(dress)) + (number << shift))


@pytest.mark.parametrize("text", [one for one in [*INNER, *NEVER] if ":" not in one])
@pytest.mark.parametrize("dress", DRESSES)
def test_no_dress_of_ipv6_hides_an_address(text, dress):
    address = dressed(text, dress)
    assert may_reach(address, is_private=False) is False
    assert may_reach(address, is_private=True) is (text in INNER)


@pytest.mark.parametrize("dress", DRESSES)
def test_a_dressed_public_address_is_reached_where_inner_ones_are(dress):
    assert may_reach(dressed("8.8.8.8", dress), is_private=True)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]"],
)
def test_no_way_of_writing_loopback_gets_through(receiver, host):
    url = receiver.url.replace("127.0.0.1", host)
    with pytest.raises((Forbidden, OSError)):
        post(url, b"{}", {}, is_private=False, timeout_s=5)
    assert receiver.got == []


def test_an_inner_receiver_is_told_where_it_is_meant(receiver):
    assert post(receiver.url, b"{}", {}, is_private=True, timeout_s=5) == 200
    assert [body for _, body in receiver.got] == [b"{}"]


@pytest.mark.parametrize(
    ("after", "asked"),
    [("", "/"), ("/", "/"), ("?a=1&b", "/?a=1&b"), ("/x/y?a=1#part", "/x/y?a=1")],
)
def test_path_and_question_of_the_address_are_asked_for(receiver, after, asked):
    post(receiver.url.removesuffix("/hook") + after, b"{}", {}, is_private=True, timeout_s=5)
    assert receiver.asked == [asked]


def test_a_redirect_is_an_answer_and_not_followed(receiver):
    receiver.answers = [307]
    assert post(receiver.url, b"{}", {}, is_private=True, timeout_s=5) == 307
    assert len(receiver.got) == 1


@pytest.fixture
def look_ups(monkeypatch):
    """What rebind.example answers, question by question; the questions that are left."""
    answers, real = [], socket.getaddrinfo

    def look_up(host, port, *more, **kinds):
        if host != "rebind.example":
            return real(host, port, *more, **kinds)
        where = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in where]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return answers


def test_a_name_is_looked_up_once_so_that_it_cannot_change_its_mind(receiver, look_ups):
    """DNS rebinding: one address when it is checked, another when it is connected to."""
    look_ups += [["127.0.0.1"], ["169.254.169.254"]]
    url = receiver.url.replace("127.0.0.1", "rebind.example")
    assert post(url, b"{}", {}, is_private=True, timeout_s=5) == 200
    assert look_ups == [["169.254.169.254"]]
    assert receiver.got[0][0]["host"].startswith("rebind.example:")


def test_where_the_first_address_of_a_name_does_not_answer_the_next_one_is_asked(
    receiver, look_ups
):
    look_ups += [["127.0.0.9", "127.0.0.1"]]
    url = receiver.url.replace("127.0.0.1", "rebind.example")
    assert post(url, b"{}", {}, is_private=True, timeout_s=5) == 200


def test_where_no_address_of_a_name_answers_that_is_the_error(receiver, look_ups):
    look_ups += [["127.0.0.9", "127.0.0.8"]]
    url = receiver.url.replace("127.0.0.1", "rebind.example")
    with pytest.raises(ConnectionRefusedError):
        post(url, b"{}", {}, is_private=True, timeout_s=5)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ("10.0.0.1", "that is not public; say private = true"),
        ("169.254.169.254", "that no webhook may lead to"),
        ("fe80::1%eth0", "that no webhook may lead to"),
    ],
)
def test_it_is_said_whether_an_address_may_be_allowed(look_ups, found, sentence):
    look_ups += [[found]]
    with pytest.raises(Forbidden, match=sentence):
        post("http://rebind.example/", b"{}", {}, is_private=False, timeout_s=5)


def test_a_name_with_an_inner_address_among_others_is_not_followed_at_all(receiver, look_ups):
    look_ups += [["203.0.114.7", "127.0.0.1"]]
    url = receiver.url.replace("127.0.0.1", "rebind.example")
    with pytest.raises(Forbidden, match="private = true"):
        post(url, b"{}", {}, is_private=False, timeout_s=5)
    assert receiver.got == []


def test_what_is_no_web_server_is_an_error_of_its_own():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"SSH-2.0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        with pytest.raises(http.client.HTTPException):
            post(f"http://127.0.0.1:{port}/", b"", {}, is_private=True, timeout_s=5)
        thread.join()

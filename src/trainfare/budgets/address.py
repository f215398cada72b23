"""Addresses that a webhook may lead to: resolved once, checked, and used as they were checked.

A name that answers with a public address now and with an inner one at the next question (DNS
rebinding) changes nothing, for the connection goes to the address that was looked at.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this machine, by another name
        "169.254.0.0/16",  # the link, where clouds have their metadata service
        "224.0.0.0/3",  # many receivers, or none
        "100.100.100.200/32",  # metadata of Alibaba Cloud
        "::/128",
        "fe80::/10",
        "fd00:ec2::/32",  # metadata of AWS
        "ff00::/8",
    )
)
"""What no webhook leads to, whatever its target says."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """An address that a target may not lead to; the sentence says which kind, not which one."""


def may_reach(address: Address, *, is_private: bool) -> bool:
    """Whether a webhook may lead to *address*; to one that is not public only if *is_private*.

    >>> may_reach(ipaddress.ip_address("10.0.0.1"), is_private=False)
    False
    >>> may_reach(ipaddress.ip_address("::ffff:169.254.169.254"), is_private=True)
    False
    """
    inner = _inner(address)
    if inner is not None and not may_reach(inner, is_private=is_private):
        return False
    if any(address in network for network in NEVER if network.version == address.version):
        return False
    return is_private or address.is_global


def post(
    url: str, body: bytes, headers: dict[str, str], *, is_private: bool, timeout_s: float
) -> int:
    """The status that *url* answers to *body*; no redirect is followed.

    Raises:
        Forbidden: it leads where it may not.
        OSError: it cannot be reached.
        http.client.HTTPException: it does not speak HTTP.
    """
    parts = urllib.parse.urlsplit(url)
    is_safe = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_safe else 80)
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return _post_by_proxy(url, body, headers, timeout_s)
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    connection.sock = _connect(host, port, is_private=is_private, timeout_s=timeout_s)
    try:
        if is_safe:
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _post_by_proxy(url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> int:
    """The environment has a proxy, which looks names up itself and has rules of its own."""
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 (target.py takes http and https only)
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def _connect(host: str, port: int, *, is_private: bool, timeout_s: float) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if not may_reach(address, is_private=is_private):
            is_inner = may_reach(address, is_private=True)
            raise Forbidden(
                "leads to an address that is not public; say private = true in notify.toml "
                "where that is meant"
                if is_inner
                else "leads to an address that no webhook may lead to"
            )
    refusal = OSError("no address")
    for *_, place in found:
        try:
            return socket.create_connection((str(place[0]), int(place[1])), timeout_s)
        except OSError as error:
            refusal = error
    raise refusal


def _inner(address: Address) -> Address | None:
    """The IPv4 address within an IPv6 one."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour

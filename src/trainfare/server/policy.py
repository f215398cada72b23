"""Policy: what ``server.toml`` in the home says about who may come in, and how.

    url = "https://fare.example.com"      # as people's browsers see this server
    hosts = ["fare.internal"]             # other names it answers to
    trusted_proxies = ["10.0.0.7"]        # whose X-Forwarded-For and -Proto are believed

    [limits]                              # requests a minute
    address = 6000
    token = 3000
    failures = 30

    [oidc]
    issuer = "https://id.example.com"
    client_id = "trainfare"
    client_secret = "env:OIDC_SECRET"     # in that environment variable
    scope = "openid profile email"
    claim = "groups"

    [[oidc.role]]                         # the first that a person has counts
    value = "finops"
    scopes = "read budget"
    team = "nlp"                          # all teams where left out

A server without the file keeps to the defaults.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainfare.core.caller import read_scopes
from trainfare.core.errors import BadInput
from trainfare.core.toml_table import TomlTable, read_toml

FILE = "server.toml"

_PROVIDER_KEYS = ("issuer", "client_id", "client_secret", "scope", "claim", "role")


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a minute; as many again may come at once."""

    address: int = 6000
    token: int = 3000
    failures: int = 30
    """Of requests with a secret that opens nothing, and of failed logins, per address."""


@dataclass(frozen=True, slots=True)
class Role:
    """What people may whose claim has *value*."""

    value: str
    scopes: frozenset[str]
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """The identity provider that vouches for people."""

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    scope: str = "openid profile email"
    claim: str = "groups"
    roles: Sequence[Role] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may come in, and how."""

    url: str | None = None
    hosts: Sequence[str] = ()
    trusted_proxies: Sequence[str] = ()
    limits: Limits = Limits()
    provider: Provider | None = None


def load_policy(home: Path, env: Mapping[str, str]) -> Policy:
    """What the file in *home* says.

    Raises:
        BadInput: it is wrong; the sentence names the key and never shows a secret.
    """
    path = home / FILE
    document = read_toml(path)
    if document is None:
        return Policy()
    table = TomlTable(str(path), document, ("url", "hosts", "trusted_proxies", "limits", "oidc"))
    provider = table.table("oidc", _PROVIDER_KEYS)
    return Policy(
        _address(table, "url"),
        table.texts("hosts"),
        _networks(table),
        _limits(table.table("limits", Limits.__slots__)),
        None if provider is None else _provider(provider, env),
    )


def _address(table: TomlTable, key: str) -> str | None:
    text = table.text(key)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web:
        raise BadInput(f"{table.where}: {key} is no address such as https://fare.example.com")
    return text.rstrip("/")


def _networks(table: TomlTable) -> tuple[str, ...]:
    texts = table.texts("trusted_proxies")
    for text in texts:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            raise BadInput(
                f"{table.where}: trusted_proxies has {text!r}, which is no address such as "
                "10.0.0.7 or 10.0.0.0/24"
            ) from None
    return texts


def _limits(table: TomlTable | None) -> Limits:
    default = Limits()
    if table is None:
        return default
    return Limits(
        table.number("address", 1) or default.address,
        table.number("token", 1) or default.token,
        table.number("failures", 1) or default.failures,
    )


def _provider(table: TomlTable, env: Mapping[str, str]) -> Provider:
    issuer = _address(table, "issuer")
    if issuer is None:
        raise BadInput(f"{table.where}: say issuer as well")
    parts = urlsplit(issuer)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise BadInput(f"{table.where}: issuer must begin with https://")
    roles = table.document.get("role", [])
    if not isinstance(roles, list) or not roles:
        raise BadInput(f"{table.where}: say who may what under [[oidc.role]]")
    return Provider(
        table.need("issuer"),
        table.need("client_id"),
        _secret(table, env),
        table.text("scope") or "openid profile email",
        table.text("claim") or "groups",
        tuple(_role(table.where, one) for one in roles),
    )


def _role(where: str, document: Any) -> Role:
    table = TomlTable(f"{where}, [[oidc.role]]", document, Role.__slots__)
    try:
        scopes = read_scopes(table.need("scopes"))
    except BadInput as error:
        raise BadInput(f"{table.where}: {error}") from None
    return Role(table.need("value"), scopes, table.text("team"))


def _secret(table: TomlTable, env: Mapping[str, str]) -> str | None:
    text = table.text("client_secret")
    if text is None or not text.startswith("env:"):
        return text
    variable = text.removeprefix("env:")
    if not env.get(variable):
        raise BadInput(
            f"{table.where}: client_secret is to stand in {variable}, which is not set; set it"
        )
    return env[variable]

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
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainfare.core.caller import read_scopes
from trainfare.core.errors import BadInput

FILE = "server.toml"


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
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Policy()
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is no TOML file: {error}") from None
    table = _Table(str(path), document, {"url", "hosts", "trusted_proxies", "limits", "oidc"})
    provider = table.table("oidc", {*Provider.__slots__, "role"} - {"roles"})
    return Policy(
        _address(table, "url"),
        table.texts("hosts"),
        _networks(table),
        _limits(table.table("limits", set(Limits.__slots__))),
        None if provider is None else _provider(provider, env),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the file, which knows where it stands."""

    where: str
    document: Any
    keys: set[str]

    def __post_init__(self) -> None:
        if not isinstance(self.document, dict):
            raise BadInput(f"{self.where} is no table; write its keys below each other")
        unknown = sorted(set(self.document) - self.keys)
        if unknown:
            known = ", ".join(sorted(self.keys))
            raise BadInput(f"{self.where}: there is no key {unknown[0]!r}; keys: {known}")

    def table(self, key: str, keys: set[str]) -> _Table | None:
        if key not in self.document:
            return None
        return _Table(f"{self.where}, [{key}]", self.document[key], keys)

    def text(self, key: str) -> str | None:
        value = self.document.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise BadInput(f"{self.where}: {key} is no text in quotes")
        return value

    def need(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise BadInput(f"{self.where}: say {key} as well")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.document.get(key, [])
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise BadInput(f"{self.where}: {key} is no list of texts in quotes")
        return tuple(values)

    def number(self, key: str, default: int) -> int:
        value = self.document.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BadInput(f"{self.where}: {key} is no whole number from 1 on")
        return value


def _address(table: _Table, key: str) -> str | None:
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


def _networks(table: _Table) -> tuple[str, ...]:
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


def _limits(table: _Table | None) -> Limits:
    default = Limits()
    if table is None:
        return default
    return Limits(
        table.number("address", default.address),
        table.number("token", default.token),
        table.number("failures", default.failures),
    )


def _provider(table: _Table, env: Mapping[str, str]) -> Provider:
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
    table = _Table(f"{where}, [[oidc.role]]", document, set(Role.__slots__))
    try:
        scopes = read_scopes(table.need("scopes"))
    except BadInput as error:
        raise BadInput(f"{table.where}: {error}") from None
    return Role(table.need("value"), scopes, table.text("team"))


def _secret(table: _Table, env: Mapping[str, str]) -> str | None:
    text = table.text("client_secret")
    if text is None or not text.startswith("env:"):
        return text
    variable = text.removeprefix("env:")
    if not env.get(variable):
        raise BadInput(
            f"{table.where}: client_secret is to stand in {variable}, which is not set; set it"
        )
    return env[variable]

"""OpenID Connect: the authorization code flow with PKCE, as its client.

State, nonce and the verifier of PKCE are all made from one random text that a cookie keeps in the
browser meanwhile, so that a server keeps nothing and any replica can take the answer.

Source: OpenID Connect Core 1.0 §3.1 and §3.1.3.7; RFC 7636; RFC 9700.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from trainfare.core.caller import Caller, NotAllowed
from trainfare.core.errors import OutsideFailed
from trainfare.core.plain import plain
from trainfare.server.policy import Provider

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures by a key of the provider; none, and nothing signed with a shared secret."""

TIMEOUT_SECONDS = 10
ANSWER_MAX = 2**20
LEEWAY_SECONDS = 60
TEXT_MAX = 256


async def departure(provider: Provider, journey: str, return_address: str) -> str:
    """Where a person is sent to sign in.

    Raises:
        OutsideFailed: the provider does not answer, or not as one.
    """
    async with _client() as client:
        found = await _discover(client, provider)
    challenge = hashlib.sha256(_made(journey, "verifier").encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": return_address,
        "scope": provider.scope,
        "state": _made(journey, "state"),
        "nonce": _made(journey, "nonce"),
        "code_challenge": _text(challenge),
        "code_challenge_method": "S256",
    }
    where = found["authorization_endpoint"]
    return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"


def is_state_of(journey: str, state: str) -> bool:
    """Whether an answer belongs to the journey that this browser began."""
    return hmac.compare_digest(state.encode(), _made(journey, "state").encode())


async def arrival(
    provider: Provider, journey: str, code: str, return_address: str
) -> Mapping[str, Any]:
    """The claims about a person, from an ID token that was checked.

    Raises:
        OutsideFailed: the provider does not answer, or not as one.
        NotAllowed: it takes the code for nothing, or its ID token does not hold.
    """
    async with _client() as client:
        found = await _discover(client, provider)
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": return_address,
            "client_id": provider.client_id,
            "code_verifier": _made(journey, "verifier"),
        }
        how: dict[str, Any] = {}
        if provider.client_secret is not None:
            if "client_secret_basic" in found.get(
                "token_endpoint_auth_methods_supported", ["client_secret_basic"]
            ):
                # RFC 6749 §2.3.1 has both written as in a form first.
                how["auth"] = (quote_plus(provider.client_id), quote_plus(provider.client_secret))
            else:
                asked["client_secret"] = provider.client_secret
        answer = await _ask(client, provider, "POST", found["token_endpoint"], data=asked, **how)
        keys = await _ask(client, provider, "GET", found["jwks_uri"])
    return check_id_token(provider, answer.get("id_token"), keys, _made(journey, "nonce"))


def check_id_token(
    provider: Provider, id_token: object, keys: Mapping[str, Any], nonce: str
) -> Mapping[str, Any]:
    """The claims of an ID token: signed by a key of the provider, for us, now, and for this login.

    Raises:
        NotAllowed: it does not hold; the sentence says why and shows nothing of it.
    """
    rules = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        token = jwt.decode(str(id_token), KeySet.import_key_set(dict(keys)), list(ALGORITHMS))  # type: ignore[arg-type]
        rules.validate(token.claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotAllowed(f"the ID token does not hold ({type(error).__name__})") from None
    claims: Mapping[str, Any] = token.claims
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != provider.client_id:
        raise NotAllowed("the ID token was made for another program")
    return claims


def caller_of_claims(provider: Provider, claims: Mapping[str, Any]) -> Caller:
    """What a person may: the first role of the policy that the claim names.

    Raises:
        NotAllowed: none is theirs.
    """
    told = claims.get(provider.claim)
    values = told if isinstance(told, list) else [told]
    role = next((one for one in provider.roles if one.value in values), None)
    if role is None:
        raise NotAllowed(
            f"{named(claims)} has no role here: no [[oidc.role]] of server.toml is among the "
            f"claim {provider.claim!r}; ask an admin"
        )
    return Caller(named(claims), role.scopes, role.team, str(claims["sub"])[:TEXT_MAX])


def named(claims: Mapping[str, Any]) -> str:
    """What a person is called."""
    for key in ("name", "email", "preferred_username", "sub"):
        if isinstance(claims.get(key), str) and claims[key].strip():
            return plain(claims[key])[:TEXT_MAX]
    return "somebody"


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False)


async def _discover(client: httpx.AsyncClient, provider: Provider) -> Mapping[str, Any]:
    base = provider.issuer.rstrip("/")
    found = await _ask(client, provider, "GET", f"{base}/.well-known/openid-configuration")
    keys = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if found.get("issuer") != provider.issuer or not all(
        isinstance(found.get(key), str) for key in keys
    ):
        raise OutsideFailed(
            f"{provider.issuer} does not describe itself as that issuer; compare issuer in "
            "server.toml with what it says"
        )
    return found


async def _ask(
    client: httpx.AsyncClient, provider: Provider, method: str, url: str, **how: Any
) -> Mapping[str, Any]:
    """The JSON object that the provider answers; a code that it does not take is a refusal."""
    try:
        answer = await client.request(method, url, **how)
        if method == "POST" and answer.status_code in (400, 401):
            raise NotAllowed(f"the identity provider does not take the code ({answer.status_code})")
        answer.raise_for_status()
        document = json.loads(answer.content[:ANSWER_MAX])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _unreachable(provider, error) from None
    if not isinstance(document, dict):
        raise _unreachable(provider, TypeError())
    return document


def _unreachable(provider: Provider, error: Exception) -> OutsideFailed:
    return OutsideFailed(
        f"the identity provider {provider.issuer} does not answer as one "
        f"({type(error).__name__}); try again later, or paste a token"
    )


def _made(journey: str, what: str) -> str:
    """43 characters of which nobody learns the journey."""
    return _text(hmac.new(journey.encode(), what.encode(), hashlib.sha256).digest())


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

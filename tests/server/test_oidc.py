"""OpenID Connect: the whole way with a real provider, and every ID token that must not pass."""

import base64
import time
import urllib.parse

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from server.browser import Browser
from server.provider import providing
from server.served import serving
from trainfare.core.caller import NotAllowed
from trainfare.server.oidc import caller_of_claims, check_id_token
from trainfare.server.policy import Provider, Role

POLICY = """
[oidc]
issuer = "{issuer}"
client_id = "trainfare"
client_secret = "env:OIDC_SECRET"

[[oidc.role]]
value = "finops"
scopes = "admin"

[[oidc.role]]
value = "nlp"
scopes = "read budget"
team = "nlp"
"""
ANNE = {"sub": "anne", "name": "Anne\u202e Example", "groups": ["staff", "nlp"]}
FINN = {"sub": "finn", "email": "finn@example.com", "groups": "finops"}
STRANGER = {"sub": "stranger", "groups": ["staff"]}
SECRET = "a-secret-of-the-client"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with providing(ANNE, FINN, STRANGER, options=["--require-nonce"]) as issuer:
        (home / "server.toml").write_text(POLICY.format(issuer=issuer))
        with serving(home, env={"OIDC_SECRET": SECRET}) as one:
            yield one


def depart(browser, next_path="/"):
    """To the provider's page."""
    status, headers, _ = browser.go(f"/login/provider?next={urllib.parse.quote(next_path)}")
    assert status == 303
    return headers["Location"]


def agree(where, sub):
    """What the provider's page answers when *sub* agrees: the address to return to."""
    status, headers, page = Browser("").go(where, {"sub": sub})
    assert status == 302, page
    return headers["Location"]


def sign_in(server, sub):
    browser = Browser(server.url)
    return browser, browser.go(agree(depart(browser, "/?team=nlp"), sub))


def test_a_person_signs_in_with_what_their_role_allows(server):
    browser, (status, headers, _) = sign_in(server, "anne")
    assert (status, headers["Location"]) == (303, "/?team=nlp")
    assert '"team":"nlp"' in browser.go("/api/v1/me")[2]
    assert '"scopes":["budget","read"]' in browser.go("/api/v1/me")[2]
    assert browser.go("/api/v1/tokens")[0] == 403
    assert browser.cookie("trainfare_login") is None
    line = server.json("/api/v1/audit?limit=1")["entries"][0]
    assert (line["action"], line["who"]) == ("login", "Anne\ufffd Example (anne)")


def test_a_claim_that_is_one_word_is_a_role_too(server):
    browser, _ = sign_in(server, "finn")
    assert '"name":"finn@example.com","scopes":["admin"],"team":null' in browser.go("/api/v1/me")[2]


def test_a_person_without_a_role_is_not_let_in(server):
    browser, (status, _, page) = sign_in(server, "stranger")
    assert status == 403
    assert "no role here" in page
    assert browser.cookie() is None
    line = server.json("/api/v1/audit?limit=1")["entries"][0]
    assert (line["action"], line["who"]) == ("login.refused", "stranger")


def test_whoever_says_no_at_the_provider_comes_back_without_a_session(server):
    browser = Browser(server.url)
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(depart(browser)).query)
    told = urllib.parse.urlencode({"error": "access_denied", "state": asked["state"][0]})
    status, _, page = browser.go(f"/login/provider/return?{told}")
    assert status == 403
    assert "access_denied" in page
    assert browser.cookie() is None


def test_the_question_to_the_provider_is_whole(server):
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(depart(Browser(server.url))).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert {len(asked[key][0]) for key in ("state", "nonce", "code_challenge")} == {43}
    assert asked["redirect_uri"] == [f"{server.url}/login/provider/return"]
    again = urllib.parse.parse_qs(urllib.parse.urlsplit(depart(Browser(server.url))).query)
    assert not {asked["state"][0], asked["nonce"][0]} & {again["state"][0], again["nonce"][0]}


def test_the_answer_to_one_browser_signs_no_other_in(server):
    """Whoever gets somebody to open their own answer would sign them in as themselves."""
    where = agree(depart(Browser(server.url)), "anne")
    for victim in (Browser(server.url), Browser(server.url)):
        assert victim.go(where)[0] == 400
        assert victim.cookie() is None
        depart(victim)  # the second one has a journey of its own


def test_a_code_is_taken_once(server):
    browser = Browser(server.url)
    where = depart(browser)
    kept = {"Cookie": f"trainfare_login={browser.cookie('trainfare_login').value}"}
    back = agree(where, "anne")
    assert browser.go(back)[0] == 303
    assert Browser(server.url).go(back, headers=kept)[0] == 403


def test_a_provider_that_is_away_is_said_and_a_token_still_opens(tmp_path):
    (tmp_path / "server.toml").write_text(POLICY.format(issuer="http://127.0.0.1:9"))
    with serving(tmp_path, env={"OIDC_SECRET": SECRET}) as one:
        browser = Browser(one.url)
        status, _, page = browser.go("/login/provider")
        assert status == 503
        assert "does not answer" in page
        assert browser.go("/login", {"token": one.token})[0] == 303


RSA = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "one"})
PROVIDER = Provider("https://id.example.com", "trainfare", roles=[Role("x", frozenset({"read"}))])
KEYS = KeySet([RSA]).as_dict(private=False)


def claims(**more):
    now = int(time.time())
    base = {
        "iss": PROVIDER.issuer,
        "aud": "trainfare",
        "sub": "anne",
        "iat": now,
        "exp": now + 600,
        "nonce": "n",
    }
    return {key: value for key, value in {**base, **more}.items() if value is not None}


def signed(body, key=RSA, algorithm="RS256"):
    return jwt.encode({"alg": algorithm, "kid": "one"}, body, key, algorithms=[algorithm])


def test_an_id_token_that_holds_is_believed():
    for audience in ("trainfare", ["trainfare"]):
        held = check_id_token(PROVIDER, signed(claims(aud=audience)), KEYS, "n")
        assert held["sub"] == "anne"
    both = claims(aud=["trainfare", "other"], azp="trainfare")
    assert check_id_token(PROVIDER, signed(both), KEYS, "n")


HOUR_AGO = int(time.time()) - 3600


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"aud": ["trainfare", "other"]},
        {"aud": ["trainfare", "other"], "azp": "other"},
        {"nonce": "m"},
        {"nonce": None},
        {"exp": HOUR_AGO},
        {"exp": None},
        {"iat": HOUR_AGO + 7200},
        {"nbf": HOUR_AGO + 7200},
        {"sub": None},
        {"exp": "soon"},
    ],
    ids=" ".join,
)
def test_an_id_token_with_a_wrong_claim_is_refused(wrong):
    with pytest.raises(NotAllowed, match="ID token"):
        check_id_token(PROVIDER, signed(claims(**wrong)), KEYS, "n")


def test_an_id_token_that_the_provider_did_not_sign_is_refused():
    shared = OctKey.import_key(RSA.as_dict(private=False)["n"])
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    forged = [
        signed(claims(), OTHER),
        f"{unsigned}.{signed(claims()).split('.')[1]}.",
        jwt.encode({"alg": "HS256"}, claims(), shared, algorithms=["HS256"]),
        signed(claims(), ECKey.generate_key("P-256"), "ES256"),
        signed(claims()).rpartition(".")[0] + ".",
        "",
        "a.b.c",
        None,
    ]
    for one in forged:
        with pytest.raises(NotAllowed, match="ID token"):
            check_id_token(PROVIDER, one, KEYS, "n")


@pytest.mark.parametrize("told", [None, [], "y", {"x": 1}, 3, ["X"], [["x"]]])
def test_only_a_role_that_the_claim_names_lets_in(told):
    with pytest.raises(NotAllowed, match="no role here"):
        caller_of_claims(PROVIDER, {"sub": "anne", "groups": told})
    assert caller_of_claims(PROVIDER, {"sub": "anne", "groups": ["x"]}).scopes == {"read"}

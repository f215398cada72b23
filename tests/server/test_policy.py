"""server.toml: what it says counts, and what it says wrongly is named without its secrets."""

import pytest

from trainfare.core.errors import BadInput
from trainfare.server.policy import Limits, Policy, Role, load_policy

WHOLE = """
url = "https://fare.example.com/"
hosts = ["fare.internal"]
trusted_proxies = ["10.0.0.7", "10.1.0.0/16", "fd00::/8"]
[limits]
failures = 5
[oidc]
issuer = "https://id.example.com"
client_id = "trainfare"
client_secret = "env:S"
[[oidc.role]]
value = "finops"
scopes = "read budget"
team = "nlp"
"""


def read(home, text, env=None):
    (home / "server.toml").write_text(text)
    return load_policy(home, env or {})


def test_a_home_without_the_file_keeps_to_the_defaults(tmp_path):
    assert load_policy(tmp_path, {}) == Policy()


def test_what_the_file_says_counts(tmp_path):
    policy = read(tmp_path, WHOLE, {"S": "hush"})
    assert policy.url == "https://fare.example.com"
    assert policy.hosts == ("fare.internal",)
    assert policy.limits == Limits(failures=5)
    assert policy.provider.client_secret == "hush"
    assert policy.provider.roles == (Role("finops", frozenset({"read", "budget"}), "nlp"),)
    assert "hush" not in repr(policy)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("url = 3", "url is no text"),
        ('url = "fare"', "no address such as"),
        ('url = "ftp://fare"', "no address such as"),
        ('hosts = "fare"', "no list of texts"),
        ('trusted_proxies = ["proxy"]', "which is no address such as"),
        ('trusted_proxies = ["10.0.0.1/8"]', "which is no address such as"),
        ("tyop = 1", "there is no key 'tyop'"),
        ("limits = 3", "is no table"),
        ("[limits]\ntoken = 0", "whole number from 1 on"),
        ("[limits]\ntoken = true", "whole number from 1 on"),
        ("[oidc]\nclient_id='x'", "say issuer as well"),
        ("[oidc]\nissuer='http://id.example.com'\nclient_id='x'", "must begin with https"),
        ("[oidc]\nissuer='https://id.example.com'\nclient_id='x'", "under [[oidc.role]]"),
        (WHOLE, "S, which is not set"),
        (WHOLE.replace('"read budget"', '"root"'), "there is no scope 'root'"),
        (WHOLE.replace('value = "finops"', ""), "say value as well"),
        ("a = ", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, text, says):
    with pytest.raises(BadInput, match=r"server\.toml") as refusal:
        read(tmp_path, text, {} if text is WHOLE else {"S": "hush"})
    assert says in str(refusal.value)

"""No secret is ever told: not in a line of the log, nor in the audit log, nor kept in the home."""

import signal

from server.browser import Browser
from server.provider import providing
from server.served import serving

POLICY = """
[oidc]
issuer = "{issuer}"
client_id = "trainfare"
client_secret = "env:OIDC_SECRET"
[[oidc.role]]
value = "finops"
scopes = "admin"
"""
ANNE = {"sub": "anne", "groups": ["finops"]}


def busy(server):
    """Use every kind of secret in every place where one may be put; the secrets."""
    body = {"name": "ci", "scopes": ["admin"]}
    made = server.json("/api/v1/tokens", method="POST", body=body)
    again = server.json(f"/api/v1/tokens/{made['token']['id']}/rotate", method="POST")
    wrong = "tf_mistyped-by-somebody-who-meant-another"
    secrets = [server.token, made["secret"], again["secret"], wrong]
    for one in secrets:
        server.ask("/api/v1/me", token=one)
        server.ask(f"/api/v1/me?token={one}")
        server.ask(f"/api/v1/nothing/{one}")
        server.ask(f"/api/v1/tokens/{one}", method="DELETE")
        server.ask("/api/v1/tokens", method="POST", body=one.encode())
        server.ask("/api/v1/ingest", method="POST", body=one.encode(), token=one)
        server.ask("/api/v1/me", headers={"Host": one})
        browser = Browser(server.url)
        browser.go("/login", {"token": one, "next": f"/{one}"})
        if browser.cookie() is not None:
            secrets.append(browser.cookie().value)
    browser = Browser(server.url)
    _, headers, _ = browser.go("/login/provider")
    journey = browser.cookie("trainfare_login").value.partition(".")[0]
    _, headers, _ = Browser("").go(headers["Location"], {"sub": "anne"})
    browser.go(headers["Location"])
    secrets += [journey, browser.cookie().value, headers["Location"].partition("code=")[2][:20]]
    return secrets


def test_no_secret_is_told_by_a_server_or_kept_in_its_home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with providing(ANNE) as issuer:
        (home / "server.toml").write_text(POLICY.format(issuer=issuer))
        with serving(home, env={"OIDC_SECRET": "hush-oidc-secret"}) as server:
            secrets = [*busy(server), "hush-oidc-secret"]
            audit = server.ask("/api/v1/audit?limit=500")[2].decode()
            server.process.send_signal(signal.SIGTERM)
            out, err = server.process.communicate(timeout=60)
    assert len(secrets) > 8
    kept = b"".join(one.read_bytes() for one in home.rglob("*") if one.is_file())
    for secret in secrets:
        assert secret not in out + err, err
        assert secret.encode() not in kept
        assert secret not in audit

"""``trainfare alerts``: what it says and how it exits."""

import json
import signal

import pytest

from cli.commands import PATIENCE, start
from cli.recordings import record_training
from trainfare.metering.audit import read_audit


@pytest.fixture
def over(home, frozen, text, monkeypatch):
    """Two budgets, one over and one nearly, looked at once."""
    ids = iter(f"0000000{n}" for n in range(9))
    monkeypatch.setattr("secrets.token_hex", lambda _: next(ids))
    record_training(home, "r-1", labels={"team": "nlp"})
    text("budget", "set", "all", "--limit", "0.06")
    text("budget", "set", "nlp", "--limit", "0.08", "--scope", "team=nlp")


def test_check_exits_1_until_everything_is_acknowledged(over, home, say):
    assert say("alerts", "check")[0] == 1
    assert say("alerts", "ack", "a-00000000")[:2] == (0, "1 alert acknowledged\n")
    assert say("alerts", "check")[0] == 1
    assert say("alerts", "ack")[0] == 0
    assert say("alerts", "check")[0] == 0
    done = [one["key"] for one in read_audit(home) if one["action"] == "alert acknowledged"]
    assert done.count("budget:all") == 2
    assert "budget:nlp" in done


def test_the_list_for_people(over, say, text, golden):
    say("alerts", "check")
    golden("alerts", text("alerts", "list"))


def test_the_list_for_scripts(over, say, answer):
    say("alerts", "check")
    first, second = answer("alerts", "list")["alerts"]
    assert (first["kind"], first["subject"], first["severity"]) == ("budget", "all", "critical")
    assert second == {
        "id": "a-00000001", "kind": "budget", "subject": "nlp", "severity": "warning", "level": 1,
        "sentence": "$0.0671 of $0.0800 are spent (83 %)", "opened_at": "2026-09-21T15:13:20Z",
        "told_at": "2026-09-21T15:13:20Z", "clear_since": None, "resolved_at": None,
        "acknowledged_by": None,
    }  # fmt: skip


def test_a_quiet_home_says_so(home, text, answer):
    assert text("alerts", "check") == "no alert is open\n"
    assert answer("alerts", "list") == {"alerts": [], "targets": []}


def test_a_failed_delivery_is_said_and_exits_3(over, home, say):
    (home / "notify.toml").write_text(
        '[[target]]\nname = "hook"\nwebhook = "http://127.0.0.1:9/x"\nprivate = true\n'
        f'secret = "whsec_{"A" * 40}"\n'
    )
    say("alerts", "check")
    code, out, err = say("alerts", "test")
    assert (code, out) == (3, "")
    assert err.startswith("target hook cannot be reached")
    assert "1 attempt" in say("alerts", "list")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["ack", "a-9"], "no open alert begin"),
        (["test"], "there is no target in "),
        (["watch", "--every", "1"], "--every"),
    ],
)
def test_wrong_words_get_one_sentence_and_exit_2(home, say, words, sentence):
    code, out, err = say("alerts", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_the_secret_that_it_makes_is_one_that_it_takes(home, say, text):
    secret = text("alerts", "secret").strip()
    home.mkdir()
    (home / "notify.toml").write_text(
        f'[[target]]\nname = "h"\nwebhook = "https://h.example/x"\nsecret = "{secret}"\n'
    )
    assert say("alerts", "send")[0] == 0


def test_watch_goes_on_over_what_is_wrong_for_now(home):
    home.mkdir()
    (home / "notify.toml").write_text("[[target]\n")
    watcher = start(home, "alerts", "watch", "--every", "5")
    assert b"is not TOML" in watcher.stderr.readline()
    assert watcher.poll() is None
    watcher.terminate()
    watcher.communicate(timeout=PATIENCE)


def test_watch_looks_at_once_and_leaves_when_interrupted(home):
    record_training(home, "r-1")
    (home / "budgets.json").write_text(
        json.dumps(
            {
                "form": 1,
                "budgets": [
                    {
                        "id": "all", "scope": "", "limit": "0.01", "currency": "USD",
                        "period": "total", "view": "estimated", "thresholds": ["actual:100%:notify"],
                        "carried_over": False, "armed": False, "grace_seconds": 30,
                        "cancel_command": [], "starts_at": "1970-01-01T00:00:00Z",
                    }
                ],
            }
        )
    )  # fmt: skip
    # A shell starts its background jobs deaf to the key, and so this test may be.
    hears = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    watcher = start(home, "alerts", "watch", "--every", "3600", **hears)
    line = watcher.stdout.readline().decode()
    watcher.send_signal(signal.SIGINT)
    watcher.communicate(timeout=PATIENCE)
    assert "opened   budget all: $0." in line
    assert watcher.returncode == 0

"""notify.toml: who is told; what is wrong is said without a word of what must stay secret."""

import pytest

from trainfare.budgets.alert import Kind, Severity
from trainfare.budgets.target import read_targets
from trainfare.core.errors import BadInput
from trainfare.core.period import parse_instant

SECRET = "whsec_" + "A" * 40


def write(home, text):
    (home / "notify.toml").write_text(text)


def test_without_a_file_nobody_is_told(tmp_path):
    assert read_targets(tmp_path, {}) == []


def test_secrets_stand_in_variables_and_are_never_shown(tmp_path):
    write(
        tmp_path,
        '[[target]]\nname = "m"\nurl = "env:MAIL"\nseverity = "critical"\n'
        '[[target]]\nname = "h"\nwebhook = "https://h.example/x"\nsecret = "env:KEY"\n'
        'kinds = ["idle"]\n',
    )
    mail, hook = read_targets(tmp_path, {"MAIL": "mailto://u:hidden@h", "KEY": SECRET})
    assert mail.url == "mailto://u:hidden@h"
    assert (mail.severity, hook.kinds) == (Severity.CRITICAL, {Kind.IDLE})
    assert "hidden" not in repr(mail)
    assert "h.example" not in repr(hook)
    assert str(hook.secret) not in repr(hook)


@pytest.mark.parametrize(
    ("hours", "zone", "at", "is_quiet"),
    [
        ("22:00-07:00", "UTC", "2026-11-27T23:00:00Z", True),
        ("22:00-07:00", "UTC", "2026-11-27T06:59:59Z", True),
        ("22:00-07:00", "UTC", "2026-11-27T07:00:00Z", False),
        ("22:00-07:00", "UTC", "2026-11-27T21:59:59Z", False),
        ("12:00-13:00", "UTC", "2026-11-27T12:30:00Z", True),
        ("12:00-13:00", "UTC", "2026-11-27T13:00:00Z", False),
        ("22:00-07:00", "Europe/Berlin", "2026-11-27T21:00:00Z", True),
        ("22:00-07:00", "Europe/Berlin", "2026-07-27T20:00:00Z", True),
        ("22:00-07:00", "Europe/Berlin", "2026-11-27T20:59:59Z", False),
    ],
)
def test_quiet_hours_are_those_of_the_zone_summer_and_winter(tmp_path, hours, zone, at, is_quiet):
    write(
        tmp_path,
        f'[[target]]\nname = "m"\nurl = "json://x"\nquiet = "{hours}"\nzone = "{zone}"\n',
    )
    [target] = read_targets(tmp_path, {})
    assert target.is_quiet(parse_instant(at)) is is_quiet


HOOK = 'name = "h"\nwebhook = "https://h.example/x"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("target = 3", r"under its own \[\[target\]\]"),
        ("[mail]\n", r"under its own \[\[target\]\]"),
        ("[[target]\n", "is not TOML"),
        ('[[target]]\nname = "A B"\n', "a target's name is"),
        ('[[target]]\nname = "h"\n', "either url .* or webhook"),
        (f'[[target]]\n{HOOK}url = "mailto://hidden"\n', "either url .* or webhook"),
        (f"[[target]]\n{HOOK}", "needs a secret"),
        (f'[[target]]\n{HOOK}secret = "hidden"\n', "secret is not whsec_"),
        (f'[[target]]\n{HOOK}secret = "env:NONE"\n', "in NONE, which is not set"),
        (f'[[target]]\n{HOOK}secret = "{SECRET}"\nkinds = ["all"]\n', "kinds is no list of"),
        (f'[[target]]\n{HOOK}secret = "{SECRET}"\nquite = "x"\n', "there is no key 'quite'"),
        ('[[target]]\nname = "h"\nwebhook = "ftp://hidden"\nsecret = "x"\n', "begins with https"),
        ('[[target]]\nname = "h"\nurl = "a://hidden"\nsecret = "hidden"\n', "carries its own"),
        ('[[target]]\nname = "h"\nurl = "a://hidden"\nquiet = "at night"\n', "is not like 22:00"),
        ('[[target]]\nname = "h"\nurl = "a://hidden"\nquiet = "25:00-07:00"\n', "is not like 22"),
        (
            '[[target]]\nname = "h"\nurl = "a://hidden"\nquiet = "22:00-07:00"\nzone = "Mars/X"\n',
            "knows no zone 'Mars/X'",
        ),
        ('[[target]]\nname = "h"\nurl = "a://hidden"\nseverity = "loud"\n', "severity 'loud'"),
        (2 * '[[target]]\nname = "h"\nurl = "a://hidden"\n', "two targets are called 'h'"),
    ],
)
def test_what_is_wrong_is_one_sentence_without_secrets(tmp_path, text, sentence):
    write(tmp_path, text)
    with pytest.raises(BadInput, match=sentence) as wrong:
        read_targets(tmp_path, {})
    assert "hidden" not in str(wrong.value)

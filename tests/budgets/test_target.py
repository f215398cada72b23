"""notify.toml: who is told; what is wrong is said without a word of what must stay secret."""

import base64

import pytest

from trainfare.budgets.alert import Kind, Notice, Severity, What
from trainfare.budgets.target import Target, read_targets
from trainfare.core.errors import BadInput
from trainfare.core.period import parse_instant

SECRET = "whsec_" + "A" * 40
HOOK = 'name = "h"\nwebhook = "https://h.example/x"\n'


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
        ("12:00-13:00", "UTC", "2026-11-27T11:59:59Z", False),
        ("12:00-13:00", "UTC", "2026-11-27T12:00:00Z", True),
        ("12:00-13:00", "UTC", "2026-11-27T12:59:59.999999999Z", True),
        ("12:00-12:00", "UTC", "2026-11-27T12:00:00Z", False),
        ("12:00-12:00", "UTC", "2026-11-27T19:00:00Z", False),
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


def test_quiet_hours_without_a_zone_are_those_of_utc(tmp_path):
    write(tmp_path, '[[target]]\nname = "m"\nurl = "json://x"\nquiet = " 22:00 - 07:00 "\n')
    [target] = read_targets(tmp_path, {})
    found = [
        target.is_quiet(parse_instant(f"2026-07-27T{at}Z"))
        for at in ("21:59:59", "22:00:00", "06:59:59", "07:00:00")
    ]
    assert found == [False, True, True, False]


def test_a_target_is_told_of_everything_at_any_time_unless_it_says_else(tmp_path):
    write(tmp_path, f'[[target]]\n{HOOK}secret = "{SECRET}"\n[[target]]\nname = "m"\nurl = "a://b"')
    hook, mail = read_targets(tmp_path, {})
    assert hook == Target("h", None, "https://h.example/x", bytes(30))
    assert mail == Target("m", "a://b")
    assert (mail.kinds, mail.severity) == (set(Kind), Severity.WARNING)
    assert not mail.is_private
    assert not mail.is_quiet(0)


def test_an_empty_file_names_nobody(tmp_path):
    write(tmp_path, "# nobody yet\n")
    assert read_targets(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("kind", "severity", "is_wanted"),
    [
        (Kind.IDLE, Severity.CRITICAL, True),
        (Kind.PRICE, Severity.CRITICAL, True),
        (Kind.IDLE, Severity.WARNING, False),
        (Kind.BILL, Severity.CRITICAL, False),
        (Kind.BILL, Severity.WARNING, False),
    ],
)
def test_a_target_wants_its_kinds_from_its_severity_on(tmp_path, kind, severity, is_wanted):
    write(
        tmp_path,
        '[[target]]\nname = "m"\nurl = "a://b"\nkinds = ["idle", "price"]\nseverity = "critical"\n'
        '[[target]]\nname = "n"\nurl = "a://b"\nkinds = ["idle", "price"]\nseverity = "warning"\n',
    )
    strict, other = read_targets(tmp_path, {})
    notice = Notice(What.OPENED, "a-1", kind, "r-1", "so it is", severity, 0)
    assert strict.wants(notice) is is_wanted
    assert other.wants(notice) is (kind is not Kind.BILL)


@pytest.mark.parametrize("private", [True, False])
def test_a_webhook_may_lead_inside_where_that_is_said(tmp_path, private):
    write(tmp_path, f'[[target]]\n{HOOK}secret = "{SECRET}"\nprivate = {str(private).lower()}\n')
    [target] = read_targets(tmp_path, {})
    assert target.is_private is private


@pytest.mark.parametrize("webhook", ["http://h", "https://10.0.0.1:8443/x?y=1"])
def test_a_webhook_is_any_address_of_the_web(tmp_path, webhook):
    write(tmp_path, f'[[target]]\nname = "h"\nwebhook = "{webhook}"\nsecret = "{SECRET}"\n')
    assert [one.webhook for one in read_targets(tmp_path, {})] == [webhook]


@pytest.mark.parametrize("size", [24, 25, 26, 64])
@pytest.mark.parametrize("start", ["whsec_", ""])
@pytest.mark.parametrize("is_padded", [True, False])
def test_a_secret_is_24_to_64_bytes_in_base64(tmp_path, size, start, is_padded):
    key = bytes(range(7, 7 + size))
    text = base64.b64encode(key).decode()
    write(
        tmp_path, f'[[target]]\n{HOOK}secret = "{start}{text if is_padded else text.rstrip("=")}"'
    )
    assert [one.secret for one in read_targets(tmp_path, {})] == [key]


@pytest.mark.parametrize(
    "text",
    [*(base64.b64encode(bytes(size)).decode() for size in (0, 23, 65)), "AAAA!" * 10, "A" * 41],
)
def test_a_secret_of_another_length_or_other_characters_is_refused(tmp_path, text):
    write(tmp_path, f'[[target]]\n{HOOK}secret = "whsec_{text}"\n')
    with pytest.raises(BadInput, match="secret is not whsec_ and base64 of 24 to 64 bytes"):
        read_targets(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("target = 3", r"under its own \[\[target\]\]"),
        ("target = [3]", r"under its own \[\[target\]\]"),
        ('target = []\n[mail]\nname = "h"\n', r"under its own \[\[target\]\]"),
        ("[[target]]\nname = 3\n", "a target's name is"),
        ("[[target]]\n", "a target's name is"),
        ('[[target]]\nname = "h"\nurl = 3\n', "url is no text in quotes"),
        ('[[target]]\nname = "h"\nurl = "  "\n', "url is no text in quotes"),
        ('[[target]]\nname = "h"\nurl = "env:EMPTY"\n', "in EMPTY, which is not set"),
        ('[[target]]\nname = "h"\nwebhook = "https://"\nsecret = "x"\n', "begins with https"),
        ('[[target]]\nname = "h"\nwebhook = "http://[hidden"\nsecret = "x"\n', "begins with https"),
        (
            '[[target]]\nname = "h"\nwebhook = "http://h/hidden x"\nsecret = "x"\n',
            "begins with https",
        ),
        (
            f'[[target]]\n{HOOK}secret = "{SECRET}"\nprivate = 1\n',
            "private is neither true nor false",
        ),
        (
            f'[[target]]\n{HOOK}secret = "{SECRET}"\nkinds = []\n',
            "kinds is no list of some of budget, ",
        ),
        (f'[[target]]\n{HOOK}secret = "{SECRET}"\nkinds = "idle"\n', "kinds is no list of"),
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
        read_targets(tmp_path, {"EMPTY": ""})
    assert "hidden" not in str(wrong.value)

"""What is remembered about alerts is read back as it was, and a file that is not ours is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.budgets.alert import Alert, Kind, Notice, Severity, What
from trainfare.budgets.alert_shelf import FORM, Shelf, alerts_file, read_shelf, write_shelf
from trainfare.budgets.outbox import Message, Queue
from trainfare.core.errors import BadInput

instants = st.integers(0, 2**62)
maybe = st.none() | instants
words = st.text(max_size=20).filter(lambda text: text.isprintable())
kinds, severities = st.sampled_from(list(Kind)), st.sampled_from(list(Severity))
alerts = st.builds(
    Alert, id=words, kind=kinds, subject=words, sentence=words, level=st.integers(0, 9), severity=severities,
    opened_ns=instants, told_ns=instants, clear_ns=maybe, resolved_ns=maybe, acknowledged_by=st.none() | words,
)  # fmt: skip
notices = st.builds(
    Notice, st.sampled_from(list(What)), words, kinds, words, words, severities, instants
)
several = st.lists(notices, max_size=3).map(tuple)
messages = st.builds(Message, words, instants, several, instants, st.integers(0, 9), words)
queues = st.builds(Queue, several, st.none() | messages, maybe)
shelves = st.builds(
    Shelf, st.lists(alerts, max_size=3).map(tuple), st.dictionaries(words, queues, max_size=3)
)


@given(shelves)
def test_what_was_written_is_read(tmp_path_factory, shelf):
    home = tmp_path_factory.mktemp("home")
    write_shelf(home, shelf)
    assert read_shelf(home) == shelf


A_SECOND = 10**9
TOLD = Notice(What.WORSE, "a-1", Kind.BUDGET, "nlp", "95 % are spent", Severity.CRITICAL, 7 * A_SECOND)  # fmt: skip
NEXT = Notice(What.OPENED, "a-2", Kind.PRICE, "aws/p5", "it is old", Severity.WARNING, 8 * A_SECOND)
SHELF = Shelf(
    (
        Alert("a-1", Kind.BUDGET, "nlp", "95 % are spent", 3, Severity.CRITICAL, A_SECOND, 7 * A_SECOND,
              acknowledged_by="ada@node"),
        Alert("a-2", Kind.PRICE, "aws/p5", "it is old", 1, Severity.WARNING, 2 * A_SECOND, 8 * A_SECOND,
              clear_ns=9 * A_SECOND, resolved_ns=10 * A_SECOND),
    ),
    {
        "ops": Queue((NEXT,), Message("msg_5", 11 * A_SECOND, (TOLD,), 12 * A_SECOND, 4, "it is down")),
        "hook": Queue(sent_ns=13 * A_SECOND),
    },
)  # fmt: skip
WRITTEN = {
    "form": 1,
    "alerts": [
        {
            "id": "a-1", "kind": "budget", "subject": "nlp", "sentence": "95 % are spent",
            "severity": "critical", "level": 3,
            "opened_at": "1970-01-01T00:00:01Z", "told_at": "1970-01-01T00:00:07Z",
            "clear_since": None, "resolved_at": None, "acknowledged_by": "ada@node",
        },
        {
            "id": "a-2", "kind": "price", "subject": "aws/p5", "sentence": "it is old",
            "severity": "warning", "level": 1,
            "opened_at": "1970-01-01T00:00:02Z", "told_at": "1970-01-01T00:00:08Z",
            "clear_since": "1970-01-01T00:00:09Z", "resolved_at": "1970-01-01T00:00:10Z",
            "acknowledged_by": None,
        },
    ],
    "queues": {
        "hook": {"waiting": [], "sent_at": "1970-01-01T00:00:13Z", "message": None},
        "ops": {
            "waiting": [
                {"what": "opened", "alert": "a-2", "kind": "price", "subject": "aws/p5",
                 "sentence": "it is old", "severity": "warning", "at": "1970-01-01T00:00:08Z"},
            ],
            "sent_at": None,
            "message": {
                "id": "msg_5", "made_at": "1970-01-01T00:00:11Z", "due_at": "1970-01-01T00:00:12Z",
                "attempts": 4, "why": "it is down",
                "notices": [
                    {"what": "worse", "alert": "a-1", "kind": "budget", "subject": "nlp",
                     "sentence": "95 % are spent", "severity": "critical", "at": "1970-01-01T00:00:07Z"},
                ],
            },
        },
    },
}  # fmt: skip


def test_the_file_is_what_other_versions_read_and_write(tmp_path):
    write_shelf(tmp_path, SHELF)
    text = (tmp_path / "alerts.json").read_text()
    assert json.loads(text) == WRITTEN
    assert list(json.loads(text)["queues"]) == ["hook", "ops"]
    assert read_shelf(tmp_path) == SHELF


def test_a_fresh_home_remembers_nothing(tmp_path):
    assert read_shelf(tmp_path) == Shelf()


@pytest.mark.parametrize(
    "document", [{}, {"form": "x"}, {"form": FORM}, {"form": FORM, "alerts": [{}], "queues": {}}, [],
                 {"form": FORM, "alerts": [], "queues": []}, {"form": FORM, "alerts": [], "queues": {"a": {}}}],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_what_to_do(tmp_path, document):
    alerts_file(tmp_path).write_text(json.dumps(document))
    with pytest.raises(BadInput, match=r"alerts\.json .*(is damaged: .*move it away|is not)"):
        read_shelf(tmp_path)


def test_a_file_of_a_later_version_is_left_alone(tmp_path):
    alerts_file(tmp_path).write_text(json.dumps({"form": FORM + 1, "what": "we do not know"}))
    with pytest.raises(BadInput, match="was written by a later Trainfare; upgrade this one"):
        read_shelf(tmp_path)

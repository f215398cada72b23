"""The alert path against receivers that are really there: a webhook and a mail server on loopback."""

import email
import json
import os
import signal
import socket
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiosmtpd.controller import Controller
from standardwebhooks.webhooks import Webhook

from budgets.receivers import SECRET, Receiver
from cli.commands import call, start
from cli.recordings import NOW, Recorder, record_training
from flows.rides import charge, ride, write_charges
from metering.instruments import Clock
from trainfare.budgets.alert import Kind
from trainfare.budgets.alert_shelf import read_shelf
from trainfare.budgets.outbox import GAP_NS, RETRY_MAX_NS
from trainfare.core.budget import Budget
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import DAY, parse_instant
from trainfare.core.price import Price
from trainfare.flows.alerts import check_alerts, send_messages, try_targets
from trainfare.flows.allocation import allocate_periods
from trainfare.flows.bill import import_bills
from trainfare.flows.budget import drop_budget, set_budget
from trainfare.metering.budget_shelf import budget_json
from trainfare.prices.json_file import write_json

SECOND = 10**9


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def hooked(tmp_path, receiver, monkeypatch):
    """A home with one webhook, whose secret stands in the environment."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    hook(tmp_path, receiver)
    return tmp_path


def hook(home, receiver, more=""):
    (home / "notify.toml").write_text(
        f'[[target]]\nname = "hook"\nwebhook = "{receiver.url}"\nprivate = true\nsecret = "env:HOOK_SECRET"\n{more}'
    )


def over_budget(home):
    record_training(home, "r-1", labels={"team": "nlp"})
    set_budget(home, Budget("nlp", Money.parse("0.06")))


def test_a_reached_threshold_is_told_once_and_signed(hooked, receiver):
    over_budget(hooked)
    first, again = check_alerts(hooked), check_alerts(hooked)
    assert (first.sent, again.sent, again.notices) == (("hook",), (), ())
    [(headers, body)] = receiver.got
    document = Webhook(SECRET).verify(body, headers)  # also that it was sent just now
    [told] = document["data"]["alerts"]
    assert (told["kind"], told["subject"], told["what"]) == ("budget", "nlp", "opened")
    assert told["severity"] == "critical"
    assert "$0.06" in told["sentence"]
    assert json.loads((hooked / "alerts.json").read_text())["queues"]["hook"]["message"] is None


def test_when_it_is_over_that_is_told_too(hooked, receiver):
    over_budget(hooked)
    check_alerts(hooked, at_ns=NOW)
    drop_budget(hooked, "nlp")
    for minutes in (1, 7):
        check_alerts(hooked, at_ns=NOW + minutes * 60 * SECOND)
    whats = [one["data"]["alerts"][0]["what"] for one in receiver.documents()]
    assert whats == ["opened", "resolved"]


def test_a_thousand_alerts_at_once_are_one_message(hooked, receiver):
    record_training(hooked, "r-1")
    rows = [budget_json(Budget(f"b-{n}", Money.parse("0.06"))) for n in range(1000)]
    write_json(hooked / "budgets.json", {"form": 1, "budgets": rows})
    found = check_alerts(hooked)
    assert len(found.alerts) == 1000
    [document] = receiver.documents()
    assert document["data"]["count"] == 1000
    assert len(receiver.got[0][1]) < 20_000


def test_a_sender_killed_before_it_knew_of_the_delivery_sends_the_same_message_again(
    hooked, receiver
):
    over_budget(hooked)

    def kill_the_sender():
        os.kill(sender.pid, signal.SIGKILL)
        sender.wait()
        return 200

    receiver.answers = [kill_the_sender]
    sender = start(hooked, "alerts", "check")
    assert receiver.arrived.acquire(timeout=20)
    sender.communicate()
    assert sender.returncode == -signal.SIGKILL
    done = call(hooked, "alerts", "send")
    assert (done.returncode, done.stderr) == (0, b"")
    (first, body), (second, same) = receiver.got
    assert (first["webhook-id"], body) == (second["webhook-id"], same)
    receiver.documents()
    assert read_shelf(hooked).queues["hook"].message is None


@pytest.mark.parametrize("answer", [500, 404, 302])
def test_a_webhook_that_answers_no_is_tried_again_with_the_same_id(hooked, receiver, answer):
    over_budget(hooked)
    receiver.answers = [answer]
    first = check_alerts(hooked, at_ns=NOW)
    assert first.failures == (f"target hook answered {answer}",)
    assert send_messages(hooked, at_ns=NOW + SECOND) == ([], [])
    assert send_messages(hooked, at_ns=NOW + 15 * SECOND) == (["hook"], [])
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


def test_one_dead_target_does_not_silence_another(hooked, receiver):
    over_budget(hooked)
    with (hooked / "notify.toml").open("a") as file:
        file.write(
            f'[[target]]\nname = "a"\nwebhook = "http://127.0.0.1:{free_port()}/s3cret"\nprivate = true\n'
        )
        file.write('secret = "env:HOOK_SECRET"\n')
    found = check_alerts(hooked)
    assert found.sent == ("hook",)
    [why] = found.failures
    assert why == "target a cannot be reached: Connection refused"


def test_quiet_hours_gather_and_the_morning_brings_one_message(hooked, receiver):
    hook(hooked, receiver, 'quiet = "00:00-23:59"\n')
    record_training(hooked, "r-1")
    for number in (1, 2, 3):
        set_budget(hooked, Budget(f"b-{number}", Money.parse("0.08")))
    midnight = NOW // (86400 * SECOND) * 86400 * SECOND + 86400 * SECOND
    assert check_alerts(hooked, at_ns=midnight).sent == ()
    assert receiver.got == []
    assert check_alerts(hooked, at_ns=midnight + 86399 * SECOND).sent == ("hook",)
    [document] = receiver.documents()
    assert document["data"]["count"] == 3


def test_a_target_hears_only_what_it_asked_for(hooked, receiver):
    over_budget(hooked)
    hook(hooked, receiver, 'kinds = ["idle"]\n')
    assert check_alerts(hooked).sent == ()


def test_without_targets_nothing_is_sent_and_alerts_are_still_kept(tmp_path):
    over_budget(tmp_path)
    found = check_alerts(tmp_path)
    assert (found.sent, found.failures) == ((), ())
    assert [one.kind for one in read_shelf(tmp_path).alerts] == [Kind.BUDGET]


def test_what_cannot_be_read_is_said_and_its_alerts_stay(tmp_path):
    over_budget(tmp_path)
    check_alerts(tmp_path, at_ns=NOW)
    (tmp_path / "budgets.json").write_text("{")
    found = check_alerts(tmp_path, at_ns=NOW + 10**15)
    assert set(found.unseen) == {Kind.BUDGET, Kind.FORECAST}
    assert [one.kind for one in found.alerts] == [Kind.BUDGET]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"form": 1, "alerts": 3}', r"alerts\.json is damaged"),
        ("null", r"alerts\.json is damaged: it holds null"),
        ('{"form": 2}', r"alerts\.json was written by a later Trainfare"),
        (
            '{"form": 1, "alerts": [], "queues": {"a": {"message": null, "waiting": [], "sent_at": "x"}}}',
            r"alerts\.json is damaged: .*'x' is not an RFC 3339 time",
        ),
    ],
    ids=["no-list", "null", "later", "no-time"],
)
def test_a_damaged_file_of_alerts_is_said_in_one_sentence(tmp_path, text, sentence):
    (tmp_path / "alerts.json").write_text(text)
    with pytest.raises(BadInput, match=sentence):
        check_alerts(tmp_path)


class Mails:
    def __init__(self):
        self.got = []

    async def handle_DATA(self, server, session, envelope):
        self.got.append(email.message_from_bytes(envelope.content))
        return "250 OK"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def text_of(mail):
    parts = [p for p in mail.walk() if p.get_content_type() == "text/plain"]
    return parts[0].get_payload(decode=True).decode()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_mail_that_is_down_gets_everything_in_two_messages_once_it_is_up(tmp_path, monkeypatch):
    """The first message keeps its words; all that happened meanwhile is the second."""
    port, mails = free_port(), Mails()
    url = f"mailto://127.0.0.1:{port}?from=fares@example.com&to=ops@example.com"
    monkeypatch.setenv("OPS_MAIL", url)
    (tmp_path / "notify.toml").write_text('[[target]]\nname = "ops"\nurl = "env:OPS_MAIL"\n')
    over_budget(tmp_path)
    assert check_alerts(tmp_path, at_ns=NOW).failures == ("target ops did not take the message",)
    set_budget(tmp_path, Budget("second", Money.parse("0.01")))
    assert len(read_shelf(tmp_path).queues["ops"].message.notices) == 1
    set_budget(tmp_path, Budget("third", Money.parse("0.01")))
    down = check_alerts(tmp_path, at_ns=NOW + 3600 * SECOND)
    assert down.failures != ()
    server = Controller(mails, hostname="127.0.0.1", port=port)
    server.start()
    try:
        later = NOW + 3600 * SECOND + RETRY_MAX_NS
        assert send_messages(tmp_path, at_ns=later) == (["ops"], [])
        assert send_messages(tmp_path, at_ns=later + GAP_NS) == (["ops"], [])
        assert send_messages(tmp_path, at_ns=later + 2 * GAP_NS) == ([], [])
        assert try_targets(tmp_path, []) == {"ops": None}
    finally:
        server.stop()
    first, second, trial = mails.got
    assert first["Subject"] == "Trainfare: budget nlp"
    assert second["Subject"] == "Trainfare: 2 alerts (2 opened)"
    assert "CRITICAL" in text_of(first)
    assert "message msg_" in text_of(first)
    assert "this is a trial" in text_of(trial)


def test_what_is_secret_is_never_said(tmp_path, capsys, caplog):
    (tmp_path / "notify.toml").write_text(
        f'[[target]]\nname = "m"\nurl = "mailto://u:hidden@127.0.0.1:{free_port()}?to=a@b.example"\n'
        '[[target]]\nname = "n"\nurl = "nosuch://hidden"\nprivate = true\n'
        f'[[target]]\nname = "h"\nwebhook = "http://127.0.0.1:{free_port()}/hidden"\nprivate = true\n'
        f'secret = "{SECRET}"\n'
    )
    over_budget(tmp_path)
    with caplog.at_level(0):
        found = check_alerts(tmp_path)
    assert len(found.failures) == 3
    out, err = capsys.readouterr()
    kept = (tmp_path / "alerts.json").read_text()
    for text in (*found.failures, out, err, caplog.text, kept):
        assert "hidden" not in text
        assert SECRET[6:] not in text


def test_apprise_is_not_loaded_where_only_webhooks_are_told(hooked, receiver):
    over_budget(hooked)
    code = (
        "import sys; from trainfare.flows.alerts import check_alerts; from pathlib import Path;"
        f"check_alerts(Path({str(hooked)!r})); sys.exit('apprise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
    assert len(receiver.got) == 1


def test_a_run_that_idles_and_makes_no_step_is_told_of_until_it_goes_on(tmp_path):
    made = Recorder(tmp_path, "r-1", gpus=2, is_alive=True, name="bert")
    made.stage("train", 0)
    made.ride(60, steps=60)
    assert check_alerts(tmp_path, at_ns=made.clock.wall).alerts == ()
    made.activity = [0.0, 0.0]
    made.ride(620)
    found = check_alerts(tmp_path, at_ns=made.clock.wall)
    said = {one.kind: one.sentence for one in found.alerts}
    assert said == {
        Kind.IDLE: "bert 2 of 2 accelerators idle for 10 min or longer, $3.60 an hour",
        Kind.STALLED: "bert no step for 10 min; a step usually takes 1 s",
    }
    made.activity = [90.0, 90.0]
    made.ride(30, steps=30)
    assert len(check_alerts(tmp_path, at_ns=made.clock.wall).alerts) == 2  # not over at once
    made.ride(330, steps=330)
    assert check_alerts(tmp_path, at_ns=made.clock.wall).alerts == ()
    made.end()


def test_a_run_dearer_than_the_same_run_ever_was_is_told_of(tmp_path):
    clock = Clock()
    for number in range(3):
        record_training(tmp_path, f"r-{number}", name="bert", clock=clock)
    made = Recorder(tmp_path, "r-9", name="bert", clock=clock, is_alive=True)
    made.ride(120)
    assert check_alerts(tmp_path, at_ns=made.clock.wall).alerts == ()
    made.ride(100)
    [alert] = check_alerts(tmp_path, at_ns=made.clock.wall).alerts
    assert (alert.kind, alert.subject) == (Kind.RUN, "r-9")
    assert "comparable runs cost $0.06" in alert.sentence
    made.end()


def test_a_bill_that_runs_wait_for_is_told_of_when_it_is_late(tmp_path):
    """October is awaited from AWS until the 2nd; the bill of September shows that bills do come."""
    ride(tmp_path, "r-1", 8, 12)
    bill = write_charges(tmp_path / "bill.csv", charge(month="09", resource="i-7"))
    import_bills(tmp_path, [bill])
    allocate_periods(tmp_path)
    late = parse_instant("2026-10-09T00:00:00Z")
    early = check_alerts(tmp_path, at_ns=late - 7 * DAY).alerts
    assert Kind.BILL not in {one.kind for one in early}
    told = [one for one in check_alerts(tmp_path, at_ns=late).alerts if one.kind is Kind.BILL]
    assert [one.subject for one in told] == ["aws 2026-10"]


def test_a_bill_tells_of_dear_skus_and_of_money_that_no_run_used(tmp_path):
    """Two months of a machine that a run held; in the last week it is half as dear again, and a
    second machine that nobody claimed costs about as much."""
    rows = [charge(month="09", day=day) for day in range(2, 31)]
    rows += [charge(day=day, effective="10" if day < 25 else "15") for day in range(1, 32)]
    rows += [charge(day=day, resource="i-9", SkuId="SKU9") for day in range(29, 32)]
    for day in (1, 30):
        ride(tmp_path, f"r-{day}", 8, 9, day=day)
    for month in ("09", "10"):
        start = f"2026-{month}-01T00:00:00Z"
        own = [row for row in rows if row["BillingPeriodStart"] == start]
        import_bills(tmp_path, [write_charges(tmp_path / f"{month}.csv", *own)])
    allocate_periods(tmp_path)
    found = check_alerts(tmp_path, at_ns=parse_instant("2026-11-03T12:00:00Z"))
    assert found.unseen == {}
    said = {
        (one.kind, one.subject): one.sentence
        for one in found.alerts
        if one.kind in (Kind.SPEND, Kind.UNATTRIBUTED)
    }
    dear, unowned = (Kind.SPEND, "price of SKU1"), (Kind.UNATTRIBUTED, "i-9")
    assert said.keys() == {dear, unowned}  # what i-1 did beside its runs is idle, not unowned
    assert said[dear] == (
        "the last 7 days cost $35.00 (50 %) more than the same would have in the 28 days before"
    )
    assert said[unowned].startswith("$30.00 in 7 days")


def test_a_result_that_was_tampered_with_is_told_of_as_critical(tmp_path):
    import_bills(tmp_path, [write_charges(tmp_path / "bill.csv", charge())])
    allocate_periods(tmp_path)
    assert check_alerts(tmp_path).alerts == ()
    (path,) = (tmp_path / "allocations").rglob("*.parquet")
    table = pq.read_table(path)
    index = table.column_names.index("effective_nano")
    less = pa.array(
        [value - 1 for value in table.column(index).to_pylist()], table.schema.field(index).type
    )
    pq.write_table(table.set_column(index, "effective_nano", less), path)
    [alert] = check_alerts(tmp_path).alerts
    assert (alert.key, alert.severity.word) == ("conservation:2026-10 effective", "critical")
    assert alert.sentence.startswith("0.000000001 USD of the effective bill are nowhere")


def test_a_run_on_a_stale_price_is_told_of(tmp_path):
    old = Price(
        "aws/p5", Decimal("3.6"), "h", source="a list", as_of=date(2025, 1, 1), quality="stale"
    )
    made = Recorder(tmp_path, "r-1", price=old, is_alive=True)
    made.ride(5)
    [alert] = check_alerts(tmp_path, at_ns=made.clock.wall).alerts
    assert (alert.kind, alert.subject) == (Kind.PRICE, "aws/p5")
    made.end()

"""The outbox: everything is told, nothing floods, and a message stays itself until it is taken."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.budgets.alert import Kind, Notice, Severity, What
from trainfare.budgets.delivery import CARRIED, SHOWN, body_of, document_of, title_of
from trainfare.budgets.outbox import (
    GAP_NS,
    RETRY_MAX_NS,
    RETRY_NS,
    Message,
    Queue,
    compose,
    delivered,
    enqueue,
    failed,
    is_due,
)
from trainfare.core.period import SECOND


def notice(number, what=What.OPENED, severity=Severity.WARNING, kind=Kind.IDLE, at_ns=0):
    return Notice(what, f"a-{number}", kind, f"r-{number}", "idle for 12 min", severity, at_ns)


def ids():
    count = itertools.count()
    return lambda: f"msg_{next(count)}"


def test_a_thousand_alerts_at_once_are_one_message():
    queue = compose(enqueue(Queue(), [notice(n) for n in range(1000)]), 0, ids())
    assert (len(queue.message.notices), queue.waiting) == (1000, ())
    assert title_of(queue.message) == "Trainfare: 1,000 alerts (1,000 opened)"
    text = body_of(queue.message)
    assert len(text.splitlines()) == 2 * SHOWN + 3
    assert f"and {1000 - SHOWN} more (980 idle): trainfare alerts list" in text
    document = document_of(queue.message)
    assert (document["data"]["count"], len(document["data"]["alerts"])) == (1000, CARRIED)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("told"), st.lists(st.integers(0, 9), max_size=4)),
        st.tuples(st.just("send"), st.booleans()),
        st.tuples(st.just("wait"), st.integers(1, 2 * 3600)),
    ),
    max_size=40,
)


@given(steps)
def test_the_last_word_on_every_alert_is_delivered_in_the_end(story):
    """At least once: whatever fails, and however long, nothing is lost."""
    queue, now, make_id, last, got = Queue(), 0, ids(), {}, {}
    turn = itertools.count()
    for kind, value in [*story, *[("wait", 7200), ("send", True)] * 2]:
        if kind == "told":
            fresh = [notice(n, at_ns=next(turn)) for n in dict.fromkeys(value)]
            queue, last = enqueue(queue, fresh), last | {n.alert: n for n in fresh}
        elif kind == "wait":
            now += value * 10**9
        else:
            queue = compose(queue, now, make_id)
            if not is_due(queue, now):
                continue
            message = queue.message
            if value:
                queue = delivered(queue, message.id, now)
                got |= {n.alert: n for n in message.notices}
            else:
                queue = failed(queue, message.id, now, "it is down", 0.5)
                assert (queue.message.id, queue.message.notices) == (message.id, message.notices)
    assert got == last


def test_the_next_message_gathers_what_happens_meanwhile():
    make_id = ids()
    queue = compose(enqueue(Queue(), [notice(1)]), 0, make_id)
    queue = delivered(queue, "msg_0", 0)
    for n in range(2, 12):
        queue = compose(enqueue(queue, [notice(n)]), GAP_NS - 1, make_id)
        assert queue.message is None
    queue = compose(queue, GAP_NS, make_id)
    assert len(queue.message.notices) == 10


@pytest.mark.parametrize(
    ("seconds", "is_made"), [(-1, True), (0, False), (119.999, False), (120, True)]
)
def test_two_minutes_lie_between_two_messages_unless_the_clock_went_back(seconds, is_made):
    sent_ns = 3_000 * SECOND
    queue = enqueue(Queue(sent_ns=sent_ns), [notice(1)])
    now = sent_ns + round(seconds * SECOND)
    after = compose(queue, now, ids())
    made = Queue((), Message("msg_0", now, (notice(1),), now), sent_ns)
    assert after == (made if is_made else queue)


def test_a_message_under_way_stays_and_nothing_is_no_message():
    under_way = compose(enqueue(Queue(), [notice(1)]), 0, ids())
    more = enqueue(under_way, [notice(2)])
    assert compose(more, 9_000 * SECOND, ids()) == more
    assert compose(Queue(), 0, ids()) == Queue()


def test_of_one_alert_that_waits_only_the_last_word_is_told():
    queue = enqueue(Queue(), [notice(1), notice(2)])
    queue = enqueue(queue, [notice(1, What.RESOLVED)])
    assert [(n.alert, n.what) for n in queue.waiting] == [
        ("a-2", What.OPENED), ("a-1", What.RESOLVED)
    ]  # fmt: skip


def test_quiet_hours_let_only_the_critical_through_and_the_rest_comes_after():
    make_id = ids()
    queue = enqueue(Queue(), [notice(1), notice(2, severity=Severity.CRITICAL)])
    queue = compose(queue, 0, make_id, is_quiet=True)
    assert [n.alert for n in queue.message.notices] == ["a-2"]
    queue = delivered(queue, "msg_0", 0)
    assert compose(queue, GAP_NS, make_id, is_quiet=True).message is None
    morning = compose(queue, GAP_NS, make_id)
    assert [n.alert for n in morning.message.notices] == ["a-1"]


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_the_wait_doubles_up_to_an_hour_with_chance_in_it(chance):
    queue, waits = compose(enqueue(Queue(), [notice(1)]), 0, ids()), []
    for _ in range(12):
        queue = failed(queue, "msg_0", 0, "it is down", chance)
        waits.append(queue.message.due_ns)
    whole = [min(RETRY_MAX_NS, RETRY_NS * 2**n) for n in range(12)]
    assert waits == [one if chance else one // 2 for one in whole]
    assert not is_due(queue, waits[-1] - 1)
    assert is_due(queue, waits[-1])


def failing(attempts, chance):
    """A message after so many failures and one more; when it is due, counted from that one."""
    now = 5_000 * SECOND
    queue = Queue((notice(2),), Message("msg_0", 7, (notice(1),), 8, attempts, "before"), 3)
    after = failed(queue, "msg_0", now, "it is down", chance)
    due_ns = after.message.due_ns
    message = Message("msg_0", 7, (notice(1),), due_ns, attempts + 1, "it is down")
    assert after == Queue((notice(2),), message, 3)
    return (due_ns - now) / SECOND


@pytest.mark.parametrize(
    ("attempts", "chance", "seconds"),
    [
        (0, 0, 7.5),
        (0, 1, 15),
        (0, 0.3, 9.75),
        (1, 0.3, 19.5),
        (7, 1, 1920),
        (8, 0.5, 2700),
        (9, 1, 3600),
        (9_999, 1, 3600),
    ],
)
def test_the_wait_is_between_half_and_all_of_what_it_doubled_to(attempts, chance, seconds):
    assert failing(attempts, chance) == seconds


@pytest.mark.parametrize(
    ("until_ns", "is_now"),
    [(1, False), (0, True), (-1, True), (3600 * SECOND, False), (3600 * SECOND + 1, True)],
)
def test_a_message_is_due_at_its_time_and_where_no_wait_is_so_long(until_ns, is_now):
    now = 9_000 * SECOND
    assert is_due(Queue(message=Message("msg_0", 0, (), now + until_ns)), now) is is_now


def test_without_a_message_nothing_is_due():
    assert is_due(Queue(waiting=(notice(1),)), 0) is False


def test_a_message_that_was_taken_leaves_what_waits():
    queue = Queue((notice(2),), Message("msg_0", 0, (notice(1),), 0), 3)
    assert delivered(queue, "msg_0", 77) == Queue((notice(2),), None, 77)


def test_word_of_another_message_changes_nothing():
    queue = compose(enqueue(Queue(), [notice(1)]), 0, ids())
    assert delivered(queue, "msg_7", 0) == queue == failed(queue, "msg_7", 0, "", 0)


def test_what_others_wrote_moves_no_cursor():
    told = Notice(What.OPENED, "a", Kind.IDLE, "r\n\x1b[2J", "x\x07\ny", Severity.WARNING, 0)
    message = Message("msg_0", 0, (told,), 0)
    assert title_of(message).isprintable()
    assert all(line.isprintable() for line in body_of(message).splitlines())


def test_a_clock_that_goes_back_holds_no_message_up():
    queue = compose(enqueue(Queue(), [notice(1)]), 10**18, ids())
    queue = failed(queue, "msg_0", 10**18, "it is down", 1.0)
    assert not is_due(queue, 10**18)
    assert is_due(queue, 0)

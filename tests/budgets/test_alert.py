"""The laws of alerts: one open per key, resolved at most once, the same look twice says nothing."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.budgets.alert import (
    RESOLVED_KEPT,
    SETTLE_NS,
    Alert,
    Finding,
    Kind,
    Notice,
    Severity,
    What,
    advance,
)
from trainfare.core.period import DAY, HOUR, SECOND

IDLE, BUDGET = Kind.IDLE, Kind.BUDGET
WARNING, CRITICAL = Severity

findings = st.lists(
    st.builds(
        Finding,
        st.sampled_from([IDLE, BUDGET]),
        st.sampled_from(["r-1", "r-2", "r-3"]),
        st.just("so it is"),
        st.integers(0, 3),
        st.sampled_from(Severity),
    ),
    max_size=6,
)
looks = st.lists(
    st.tuples(
        st.integers(0, 400), findings, st.sampled_from([{IDLE}, {IDLE, BUDGET}, {BUDGET}, set()])
    ),
    max_size=25,
)


def ids():
    count = itertools.count()
    return lambda: f"a-{next(count)}"


def play(story, make_id=None):
    """Every state and every notice that a story of looks brings."""
    make_id, alerts, now = make_id or ids(), [], 0
    for seconds, found, looked in story:
        now += seconds * SECOND
        alerts, notices = advance(alerts, found, looked, now, make_id)
        yield now, alerts, notices


@given(looks)
def test_a_key_has_at_most_one_open_alert(story):
    for _, alerts, _ in play(story):
        keys = [one.key for one in alerts if one.is_open]
        assert len(keys) == len(set(keys))


@given(looks)
def test_an_alert_is_opened_once_and_resolved_at_most_once(story):
    told = [notice for _, _, notices in play(story) for notice in notices]
    opened = [n.alert for n in told if n.what is What.OPENED]
    resolved = [n.alert for n in told if n.what is What.RESOLVED]
    assert len(opened) == len(set(opened))
    assert len(resolved) == len(set(resolved))
    assert set(resolved) <= set(opened)


@given(looks)
def test_a_resolved_alert_never_changes_again(story):
    settled = {}
    for _, alerts, _ in play(story):
        for one in alerts:
            if one.id in settled:
                assert settled[one.id] == one
            elif not one.is_open:
                settled[one.id] = one


@given(looks)
def test_the_same_look_twice_says_nothing_new(story):
    make_id = ids()
    last = [(now, alerts) for now, alerts, _ in play(story, make_id)]
    for (now, alerts), (_, found, looked) in zip(last, story, strict=True):
        again, notices = advance(alerts, found, looked, now, make_id)
        assert (again, notices) == (alerts, [])


@given(findings, st.randoms())
def test_the_order_of_findings_does_not_matter(found, chance):
    shuffled = list(found)
    chance.shuffle(shuffled)
    kinds = {IDLE, BUDGET}
    states = [
        {(a.key, a.level, a.severity) for a in advance([], each, kinds, 0, ids())[0]}
        for each in (found, shuffled)
    ]
    assert states[0] == states[1]


@given(looks, findings)
def test_a_kind_that_was_not_looked_at_stays_as_it_is(story, found):
    *_, (now, alerts, _) = [(0, [], []), *play(story)]
    only_idle = [one for one in found if one.kind is IDLE]
    after, notices = advance(alerts, only_idle, {IDLE}, now + SETTLE_NS, ids())
    assert [a for a in after if a.kind is BUDGET] == [a for a in alerts if a.kind is BUDGET]
    assert all(n.kind is IDLE for n in notices)


def whats(story):
    return [[n.what for n in notices] for _, _, notices in play(story)]


def idle(level=1):
    return [Finding(IDLE, "r-1", "8 of 8 GPUs idle", level)]


SETTLE = SETTLE_NS // SECOND


def test_what_comes_and_goes_is_one_alert():
    flapping = [(60, idle() if turn % 2 else [], {IDLE}) for turn in range(20)]
    told = [what for each in whats(flapping) for what in each]
    assert told == [What.OPENED]


def test_it_is_over_when_nothing_was_found_for_a_while():
    story = [(0, idle(), {IDLE}), (10, [], {IDLE}), (SETTLE - 1, [], {IDLE}), (1, [], {IDLE})]
    assert whats(story) == [[What.OPENED], [], [], [What.RESOLVED]]


def test_what_is_not_known_opens_nothing_and_closes_nothing():
    story = [(0, idle(0), {IDLE}), (0, idle(), {IDLE}), (9 * SETTLE, idle(0), {IDLE})]
    assert whats(story) == [[], [What.OPENED], []]


def test_worse_is_told_again_and_takes_back_an_acknowledgement():
    [alert], _ = advance([], idle(1), {IDLE}, 0, ids())
    seen = replace(alert, acknowledged_by="ada@node")
    [same], none = advance([seen], idle(1), {IDLE}, SECOND, ids())
    [worse], [notice] = advance([same], idle(2), {IDLE}, 2 * SECOND, ids())
    assert (none, same.acknowledged_by) == ([], "ada@node")
    assert (notice.what, worse.acknowledged_by, worse.id) == (What.WORSE, None, alert.id)


OPEN = Alert("a-9", BUDGET, "nlp", "95 % are spent", 2, CRITICAL, 11 * DAY, 12 * DAY)


def after(hours, *found, alert=OPEN):
    """What becomes of *alert*, and what is told, so many hours after it was last told."""
    at_ns = alert.told_ns + round(hours * HOUR)
    [now], notices = advance([alert], found, {BUDGET}, at_ns, ids())
    return now, [one.what for one in notices]


def over(sentence, level=2, severity=CRITICAL):
    return Finding(BUDGET, "nlp", sentence, level, severity)


def test_an_alert_opens_as_it_was_found_and_says_so():
    [alert], [notice] = advance([], [over("96 % are spent")], {BUDGET}, 7 * DAY, lambda: "a-5")
    assert alert == Alert("a-5", BUDGET, "nlp", "96 % are spent", 2, CRITICAL, 7 * DAY, 7 * DAY)
    assert notice == Notice(What.OPENED, "a-5", BUDGET, "nlp", "96 % are spent", CRITICAL, 7 * DAY)
    assert alert.key == "budget:nlp"


def test_it_is_told_again_each_day_until_somebody_acknowledges_it():
    found = over("95 % are spent")
    assert after(23.999, found) == (OPEN, [])
    again, told = after(24, found)
    assert (again, told) == (replace(OPEN, told_ns=13 * DAY), [What.REMINDER])
    assert after(23.999, found, alert=again)[1] == []
    assert after(24, found, alert=again)[1] == [What.REMINDER]
    seen = replace(again, acknowledged_by="ada@node")
    assert after(120, found, alert=seen) == (seen, [])


def test_an_open_alert_says_how_it_is_now():
    assert after(1, over("97 % are spent"))[0].sentence == "97 % are spent"
    better = replace(OPEN, sentence="81 % are spent")
    assert after(1, over("81 % are spent", 1, WARNING)) == (better, [])
    assert after(1, over("it is not known", 0))[0] == OPEN


def test_what_gets_worse_stays_as_grave_as_it_was():
    worse, told = after(1, over("99 % are spent", 3, WARNING))
    assert told == [What.WORSE]
    expected = replace(OPEN, sentence="99 % are spent", level=3, told_ns=12 * DAY + HOUR)
    assert worse == expected
    alert = replace(OPEN, severity=WARNING, clear_ns=12 * DAY)
    assert after(1, over("99 % are spent", 3), alert=alert)[0] == expected


@pytest.mark.parametrize(("minutes", "is_open"), [(4.999, True), (5, False)])
def test_it_is_over_five_minutes_after_it_was_last_found(minutes, is_open):
    clear, told = after(2)
    assert (clear, told) == (replace(OPEN, clear_ns=12 * DAY + 2 * HOUR), [])
    found_again, _ = after(2.05, over("95 % are spent"), alert=clear)
    assert found_again == OPEN
    now, told = after(2 + minutes / 60, alert=clear)
    assert (now.is_open, told) == (is_open, [] if is_open else [What.RESOLVED])


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_findings_with_one_key_the_worst_counts(order):
    several = [
        over("a little", 1),
        over("as much", 2, WARNING),
        over("so much", 2),
        over("unknown", 0),
    ]
    [alert], _ = advance([], several[::order], {BUDGET}, 0, ids())
    assert (alert.sentence, alert.level, alert.severity) == ("so much", 2, CRITICAL)


def test_of_findings_that_are_as_bad_the_first_is_told():
    [alert], _ = advance([], [over("first"), over("second")], {BUDGET}, 0, ids())
    assert alert.sentence == "first"


@pytest.mark.parametrize(("count", "kept"), [(499, 499), (500, 500), (503, 500)])
def test_five_hundred_alerts_that_are_over_are_remembered_and_all_open_ones(count, kept):
    over_ = [replace(OPEN, id=f"a-{n}", resolved_ns=20 * DAY + n * SECOND) for n in range(count)]
    left, _ = advance([OPEN, *over_[::-1]], [], set(), 30 * DAY, ids())
    assert left == [OPEN, *over_[::-1][:kept]]


def test_only_the_latest_resolved_alerts_are_remembered():
    make_id = ids()
    many = [Finding(IDLE, f"r-{n}", "idle") for n in range(RESOLVED_KEPT + 50)]
    alerts, _ = advance([], many, {IDLE}, 0, make_id)
    for now in (1, 1 + SETTLE_NS):
        alerts, _ = advance(alerts, [], {IDLE}, now, make_id)
    assert all(not one.is_open for one in alerts)
    later = [Finding(IDLE, "late", "idle")]
    for now in (2 * SETTLE_NS, 3 * SETTLE_NS, 4 * SETTLE_NS):
        alerts, _ = advance(alerts, later if now == 2 * SETTLE_NS else [], {IDLE}, now, make_id)
    assert "late" in {one.subject for one in alerts}
    assert len([one for one in alerts if one.subject != "late"]) in (0, RESOLVED_KEPT + 50)


def test_a_clock_that_goes_back_keeps_no_alert_open():
    alerts, _ = advance([], idle(), {IDLE}, 10**18, ids())
    for now in (10**18, 0, SETTLE_NS):
        alerts, _ = advance(alerts, [], {IDLE}, now, ids())
    assert not alerts[0].is_open
    assert alerts[0].resolved_ns >= alerts[0].opened_ns

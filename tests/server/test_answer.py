"""Answers: each is worked out once, kept while nothing changed, and never waited for by a page."""

import threading
import time

import pytest

from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.flows.sights import News
from trainfare.server import answer
from trainfare.server.answer import Answers, BeingWorkedOut


@pytest.fixture
def answers():
    one = Answers()
    yield one
    one.close()


class Work:
    """Answers with how often it was asked, once it is let."""

    def __init__(self, *, is_free=True):
        self.times = 0
        self.free = threading.Event()
        if is_free:
            self.free.set()

    def __call__(self):
        self.free.wait(60)
        self.times += 1
        return self.times


def test_an_answer_is_kept_until_a_deed_changes_it(answers):
    work = Work()
    assert answers.get("q", News(1, 1), work) == 1
    assert answers.get("q", News(1, 1), work) == 1
    assert answers.get("q", News(2, 1), work) == 2
    assert answers.get("other", News(2, 1), work) == 3


def test_an_answer_may_lag_a_moment_behind_runs(answers):
    work = Work()
    assert answers.get("q", News(1, 1), work) == 1
    assert answers.get("q", News(1, 2), work) == 1


def test_a_page_gets_the_earlier_answer_while_the_new_one_is_worked_out(answers):
    work = Work()
    answers.get("q", News(1, 1), work)
    work.free.clear()
    found = answers.peek("q", News(2, 1), work)
    assert (found.value, found.is_current) == (1, False)
    work.free.set()
    assert answers.get("q", News(2, 1), work) == 2
    assert answers.peek("q", News(2, 1), work).is_current


def test_a_page_is_told_nothing_yet_and_work_is_begun_once(answers):
    work = Work(is_free=False)
    assert [answers.peek("q", News(1, 1), work) for _ in range(5)] == [None] * 5
    work.free.set()
    assert answers.get("q", News(1, 1), work) == 1
    assert work.times == 1


def test_waiting_is_bounded_and_the_work_goes_on(answers):
    work = Work(is_free=False)
    with pytest.raises(BeingWorkedOut, match="ask again"):
        answers.get("q", News(1, 1), work, timeout=0.01)
    work.free.set()
    assert answers.get("q", News(1, 1), work) == 1


def test_a_refusal_is_an_answer_too(answers):
    asked = []

    def refuse():
        asked.append(1)
        raise BadInput("no such key")

    for ask in (answers.get, answers.get, answers.peek):
        with pytest.raises(BadInput, match="no such key"):
            ask("q", News(1, 1), refuse)
    assert asked == [1]


def test_too_many_questions_are_refused(answers, monkeypatch):
    monkeypatch.setattr("trainfare.server.answer.WAITING_MAX", 3)
    work = Work(is_free=False)
    for number in range(3):
        answers.peek(number, News(1, 1), work)
    with pytest.raises(BeingWorkedOut, match="too many"):
        answers.peek("one more", News(1, 1), work)
    work.free.set()


def test_what_failed_is_tried_again_after_a_moment(answers, monkeypatch):
    monkeypatch.setattr(answer, "ERROR_SECONDS", 0.05)
    tried = []

    def work():
        tried.append(1)
        if len(tried) == 1:
            raise OutsideFailed("the disk is full")
        return "well again"

    with pytest.raises(OutsideFailed):
        answers.get("q", News(1, 1), work)
    time.sleep(0.1)
    assert answers.get("q", News(1, 1), work) == "well again"


def test_what_is_forgotten_is_not_shown_again(answers):
    work = Work()
    answers.get("q", News(1, 1), work)
    work.free.clear()
    answers.forget()
    assert answers.peek("q", News(2, 1), work) is None
    work.free.set()
    assert answers.get("q", News(2, 1), work) == 2


def test_what_is_forgotten_while_it_is_worked_out_does_not_come_back(answers):
    before, after = Work(is_free=False), Work(is_free=False)
    assert answers.peek("q", News(1, 1), before) is None
    answers.forget()
    assert answers.peek("q", News(2, 1), after) is None
    before.free.set()
    answers.get("other", News(1, 1), Work())
    assert answers.peek("q", News(2, 1), after) is None
    after.free.set()
    assert answers.get("q", News(2, 1), after) == 1

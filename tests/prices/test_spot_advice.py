"""Spot advice: AWS's sample is read, the shipped advice answers without it, failures keep the old."""

import pytest

from prices.servers import HASTE, NOW, Reply, sample, serving
from trainfare.core.errors import OutsideFailed
from trainfare.prices.spot_advice import find_spot_advice, refresh_spot_advice


def test_shipped_advice_answers_with_its_date(tmp_path):
    advice = find_spot_advice(tmp_path, "us-east-1", "p5.48xlarge")
    assert (advice.savings_pct, advice.interruption) == (52, ">20%")
    assert (advice.as_of, advice.origin) == ("2025-06-28", "shipped")
    assert find_spot_advice(tmp_path, "us-east-1", "p4d.24xlarge").interruption == "10-15%"
    assert find_spot_advice(tmp_path, "mars-1", "p5.48xlarge") is None


def test_the_sample_answer_replaces_the_shipped_advice(tmp_path):
    body = sample("aws_spot_advisor.json").replace('"s": 52', '"s": 41')

    def answer(call):
        if call.headers.get("if-none-match") == '"7"':
            return Reply(status=304)
        return Reply(body, headers={"ETag": '"7"'})

    with serving(answer) as service:
        assert refresh_spot_advice(tmp_path, NOW, service.url, HASTE) == 3
        advice = find_spot_advice(tmp_path, "us-east-1", "p5.48xlarge")
        assert (advice.savings_pct, advice.interruption) == (41, ">20%")
        assert (advice.as_of, advice.origin) == (NOW, "refreshed")
        later = "2026-11-24T12:00:00Z"
        assert refresh_spot_advice(tmp_path, later, service.url, HASTE) == 0
    assert find_spot_advice(tmp_path, "us-east-1", "p5.48xlarge").as_of == later
    assert find_spot_advice(tmp_path, "us-east-1", "g5.xlarge").savings_pct == 59


@pytest.mark.parametrize(
    "reply",
    [
        Reply("<html>"),
        Reply({}),
        Reply({"ranges": [], "spot_advisor": {}}),
        Reply({"ranges": [], "spot_advisor": {"r": {"Linux": {"t": {"s": 1, "r": 9}}}}}),
        Reply("", 500),
    ],
)
def test_a_bad_answer_keeps_what_was_known(tmp_path, reply):
    shipped = sample("aws_spot_advisor.json")
    with serving(lambda call: Reply(shipped)) as service:
        refresh_spot_advice(tmp_path, NOW, service.url, HASTE)
    with serving(lambda call: reply) as service:
        with pytest.raises(OutsideFailed):
            refresh_spot_advice(tmp_path, NOW, service.url, HASTE)
    assert find_spot_advice(tmp_path, "us-east-1", "p5.48xlarge").origin == "refreshed"

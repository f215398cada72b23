"""Tags name runs, clusters and owners, however the provider spelt their keys."""

import json

import pytest

from trainfare.allocation.tags import cluster_in, labels_by_run, owner_in, read_tags, run_in


@pytest.mark.parametrize(
    "text",
    [
        '{"run_id": "exp-7"}',
        '{"user:Run-ID": "exp-7"}',
        '{"trainfare.io/run-id": " exp-7 "}',
        '{"label_run_id": "exp-7", "runid": ""}',
        '{"trainfare": "exp-7", "run_id": "other"}',
    ],
)
def test_every_spelling_of_a_run_tag_is_found(text):
    assert run_in(read_tags(text)) == "exp-7"


@pytest.mark.parametrize("text", [None, "", "{}", "[]", "nonsense", '{"run_id": null}', '{"a": 1}'])
def test_no_run_tag_is_none(text):
    assert run_in(read_tags(text)) is None


def test_a_value_that_is_no_run_id_becomes_the_one_that_meters_derive():
    """The meter gives a run of this name the same id, so bill and claims meet."""
    from trainfare.metering.environment import derive_run_id

    assert run_in(read_tags('{"run_id": "Exp 7"}')) == derive_run_id("Exp 7")


def test_of_two_spellings_the_last_in_the_alphabet_counts():
    assert run_in(read_tags('{"run_id": "b", "Run_Id": "a"}')) == "b"


def test_clusters_are_claimed_by_name():
    tags = read_tags('{"aws:eks:cluster-name": "Prod"}')
    assert cluster_in(tags) == "cluster:prod"
    assert cluster_in({}) is None


def test_owners_are_named_team_first():
    assert owner_in(read_tags('{"Cost-Center": "42", "Owner": "kim"}')) == "owner=kim"
    assert owner_in({}) is None


def test_labels_of_a_run_are_gathered_from_all_its_charges():
    texts = [
        '{"run_id": "a", "Team": "speech", "model": "m-7", "os": "linux"}',
        '{"team": "vision"}',
        '{"run_id": "b", "team": "audio"}',
        '{"run_id": "a", "team": "nlp"}',
        '{"run_id": "a", "team": "vision", "experiment": "e-3"}',
        '{"run_id": "c"}',
    ]
    assert labels_by_run(texts) == {
        "a": {"team": "nlp", "model": "m-7", "experiment": "e-3"},
        "b": {"team": "audio"},
        "c": {},
    }


@pytest.mark.parametrize("value", ["x" * 257, "two\nlines", "   "])
def test_a_value_that_is_no_label_is_left_out(value):
    text = json.dumps({"run_id": "a", "team": value, "project": "p-1"})
    assert labels_by_run([text]) == {"a": {"project": "p-1"}}

"""Columns and tags of AWS go by one name, however a report spells them."""

import pytest

from billing.aws_bills import LINE, cur2, legacy_name, lines
from billing.bills import read, write
from trainfare.billing.aws_rows import Header, user_key

NAMES = [name for name in LINE if name != "tags"]


def test_every_column_is_found_in_either_spelling():
    old, new = Header([legacy_name(name) for name in NAMES]), Header(NAMES)
    for name in NAMES:
        assert new.find(name) == name
        assert old.find(name) == legacy_name(name)
    assert old.find("line_item_iam_principal") is None


def test_other_writers_spell_acronyms_otherwise():
    header = Header(["savingsPlan/SavingsPlanArn"])
    assert header.find("savings_plan_savings_plan_a_r_n") == "savingsPlan/SavingsPlanArn"


def test_hundreds_of_product_columns_are_not_read():
    wide = [f"product/attribute{number}" for number in range(150)]
    columns = ["lineItem/UnblendedCost", "lineItem/BlendedCost", "product/sku", *wide]
    header = Header([*columns, "costCategory/Charge type", "resourceTags/user:team"])
    assert sorted(header.wanted) == [
        "lineItem/UnblendedCost",
        "product/sku",
        "resourceTags/user:team",
    ]


def test_tag_columns_are_no_other_columns():
    header = Header(["resource_tags", "resource_tags_user_team", "resourceTags/aws:createdBy"])
    assert header.tags == {
        "user_team": "resource_tags_user_team",
        "aws:createdBy": "resourceTags/aws:createdBy",
    }
    assert header.find("resource_tags") == "resource_tags"


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("user:Team Name", "Team Name"),
        ("User:team", "team"),
        ("user_run_id", "run_id"),
        ("user:", "user:"),
        ("aws_eks_cluster_name", "aws_eks_cluster_name"),
        ("username", "username"),
    ],
)
def test_only_the_prefix_of_users_is_taken_off(key, found):
    assert user_key(key) == found


@pytest.mark.parametrize(
    ("text", "tags", "repairs"),
    [
        (
            '{"user_run_id": "a\\"b", "aws_createdBy": "x"}',
            '{"aws_createdBy":"x","run_id":"a\\"b"}',
            None,
        ),
        ('{"user_run_id": "", "user_team": null}', None, None),
        ("{}", None, None),
        ("", None, None),
        ("{user_run_id: a}", '{"x_text":"{user_run_id: a}"}', "Tags:not-json"),
        ('{"user_größe": "groß"}', '{"größe":"groß"}', None),
    ],
)
def test_a_map_of_tags_is_one_object_without_prefixes(tmp_path, text, tags, repairs):
    spelt = '"{""user_run_id"": ""run-1""}"'
    quoted = '"' + text.replace('"', '""') + '"'
    _, (row,) = read(write(tmp_path, cur2(lines({})).replace(spelt, quoted)))
    assert (row["Tags"], row["x_Repairs"]) == (tags, repairs)

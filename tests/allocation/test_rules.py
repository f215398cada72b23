"""A rules file is read whole, or every problem in it is told with its line."""

import pytest

from trainfare.allocation.match import Field
from trainfare.allocation.rules import Outcome, Rule, Rules, check_rules, load_rules, parse_match
from trainfare.core.errors import BadInput, NotFound

GOOD = """
[[rule]]
name = "vision account"
match = 'SubAccountId = "1234"'
label = "team=vision"

[[rule]]
name = "etl"
match = '''Tags.job prefix "etl-"
    and not RegionId = "us-east-1"'''
run = "etl-{Tags.job}-{SubAccountId}"
priority = 350

[[rule]]
name = "datasets"
match = 'ResourceId glob "*datasets*"'
shared = "proportional"
scope = 'RegionId = "us-east-1"'

[[rule]]
name = "nobody"
match = 'ServiceName = "AWS Skill Builder"'
unallocated = true
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "rules.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_good_file_is_read_in_order_of_priority(file):
    rules = load_rules(file(GOOD)).rules
    assert [rule.name for rule in rules] == ["etl", "vision account", "datasets", "nobody"]
    assert [rule.outcome for rule in rules] == [
        Outcome.RUN,
        Outcome.LABEL,
        Outcome.SHARED,
        Outcome.UNALLOCATED,
    ]
    assert rules[0].template == ("etl-", Field("Tags", "job"), "-", Field("SubAccountId"))
    assert rules[0].line == 7
    assert check_rules(file(GOOD)) == []


def test_columns_of_all_rules_are_known(file):
    expected = ["RegionId", "ResourceId", "ServiceName", "SubAccountId", "Tags"]
    assert load_rules(file(GOOD)).columns == expected


def rule(text):
    return f"[[rule]]\nname = 'r'\n{text}\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[[rule]\n", 1, "is not TOML"),
        ("a = 1\n", 1, "is not known; rules stand under"),
        ("rule = 3\n", 1, "is not a list of tables"),
        ("[[rule]]\nmatch = 'RegionId = \"x\"'\nrun = 'a'\n", 1, "is not a name"),
        (rule("match = 'RegionId = \"x\"'"), 1, "exactly one of run, label, shared, unallocated"),
        (rule("match = 'RegionId = \"x\"'\nrun = 'a'\nlabel = 'a=b'"), 1, "exactly one of"),
        (rule("match = 'Region = \"x\"'\nrun = 'a'"), 3, "no column 'Region'"),
        (rule("match = 'RegionId regex \"a{2000}\"'\nrun = 'a'"), 3, "regular expression"),
        (
            rule("match = 'RegionId regex \"(?=a)\"'\nrun = 'a'"),
            3,
            "is not a regular expression here",
        ),
        (rule("match = 7\nrun = 'a'"), 3, "is not an expression in quotes"),
        (rule("match = 'RegionId = \"x\"'\nrun = 'Not A Run'"), 4, "run id 'Not A Run'"),
        (rule("match = 'RegionId = \"x\"'\nrun = '{Tags.job'"), 4, "a brace without its partner"),
        (rule("match = 'RegionId = \"x\"'\nrun = '{Job}'"), 4, "no column 'Job'"),
        (rule("match = 'RegionId = \"x\"'\nlabel = 'team'"), 4, "is not key=value"),
        (
            rule("match = 'RegionId = \"x\"'\nshared = 'fairly'"),
            4,
            "'fairly' is not one of proportional",
        ),
        (rule("match = 'RegionId = \"x\"'\nunallocated = false"), 4, "is only ever true"),
        (rule("match = 'RegionId = \"x\"'\nrun = 'a'\npriority = '1'"), 5, "whole number from 0"),
        (rule("match = 'RegionId = \"x\"'\nrun = 'a'\npriority = true"), 5, "whole number from 0"),
        (
            rule("match = 'RegionId = \"x\"'\nrun = 'a'\nscope = 'SkuId = \"x\"'"),
            5,
            "who takes part",
        ),
        (rule("match = 'RegionId = \"x\"'\nrun = 'a'\nwhen = 1"), 5, "is not one of label, match"),
    ],
)
def test_each_problem_is_told_with_its_line(file, text, line, message):
    problems = check_rules(file(text))
    assert len(problems) == 1
    assert message in str(problems[0])
    assert problems[0].line == line
    with pytest.raises(BadInput, match=r"1 problem in rules\.toml"):
        load_rules(file(text))


def test_all_problems_come_in_one_message(file):
    text = GOOD + rule("match = 'RegionId = x'\nrun = 'A'") + GOOD
    problems = check_rules(file(text))
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)
    with pytest.raises(BadInput, match=r"6 problems in rules\.toml") as caught:
        load_rules(file(text))
    assert str(caught.value).count("is taken; give every rule its own name") == 4
    assert "line 26, match: character 12: x where a value in quotes is expected" in str(
        caught.value
    )


PROBLEMS = """first = 1
[[rule]]
name = "a"
match = 'RegionId = "x"'
run = "a"
priority = 10001
[[rule]]
priority = -1
name = "b"
label = "team=b"
[[rule]]
match = 7
shared = "even"
name = "a"
scope = "SkuId"
[[rule]]
name = "a"
match = 'RegionId = "y"'
run = 7
[[rule]]
match = 'RegionId = "z"'
name = "a"
unallocated = true
"""


def test_every_problem_says_its_file_line_key_and_value(file):
    """Rule a has a problem, so that its name is not taken yet where it stands once more."""
    assert [str(problem) for problem in check_rules(file(PROBLEMS))] == [
        "rules.toml line 1, first: is not known; rules stand under [[rule]]",
        "rules.toml line 6, priority: '10001' is not a whole number from 0 to 10000",
        "rules.toml line 7, match: is not an expression in quotes",
        "rules.toml line 8, priority: '-1' is not a whole number from 0 to 10000",
        "rules.toml line 12, match: '7' is not an expression in quotes",
        "rules.toml line 15, scope: character 6: the end where = != in prefix glob regex is expected",
        "rules.toml line 19, run: '7' is not a text in quotes",
    ]


def test_a_rule_in_one_line_has_no_line_of_its_own(file):
    text = """first = 1
rule = [{name = "r", match = 'RegionId = "x"', run = "a", priority = "%s"}]
"""
    value = "1" * 90
    assert [str(problem) for problem in check_rules(file(text % value))] == [
        f"rules.toml, priority: '{value[:80]}' is not a whole number from 0 to 10000",
        "rules.toml line 1, first: is not known; rules stand under [[rule]]",
    ]
    one = text.replace("first = 1\n", "").replace('"%s"', "7")
    assert [rule.line for rule in load_rules(file(one)).rules] == [0]


WHERE = "match = 'RegionId = \"x\"'\n"


@pytest.mark.parametrize("priority", [0, 1, 9999, 10_000])
def test_a_priority_is_from_0_to_10000(file, priority):
    [found] = load_rules(file(rule(f"{WHERE}run = 'a'\npriority = {priority}"))).rules
    assert found.priority == priority


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("label = 'team=" + "x" * 257 + "'", "is empty, over 256 characters or not printable"),
        ("run = 'a}'", "'a}' has a brace without its partner"),
        ("run = '{not Tags.job}'", "'not Tags.job' is not a field such as Tags.job"),
        (
            "shared = 'apart'\nscope = 'SkuId = \"x\"'",
            "only says who takes part in a divided share",
        ),
        ("shared = 7", "shared: '7' is not a text in quotes"),
    ],
)
def test_what_no_rule_can_do_is_said(file, outcome, told):
    [problem] = check_rules(file(rule(WHERE + outcome)))
    assert told in str(problem)


def test_what_the_engine_has_against_a_pattern_is_said_in_its_words(file):
    [problem] = check_rules(file(rule("match = 'RegionId regex \"(?=a)\"'\nrun = 'a'")))
    assert str(problem) == (
        "rules.toml line 3, match: '(?=a)' is not a regular expression here: "
        "invalid perl operator: (?="
    )


@pytest.mark.parametrize(
    ("name", "is_good"), [("x" * 64, True), ("x" * 65, False), ("", False), ("a.b/c: d-e", True)]
)
def test_a_name_has_at_most_64_signs(file, name, is_good):
    problems = check_rules(file(rule(f"{WHERE}run = 'a'").replace("'r'", f"'{name}'")))
    assert (problems == []) == is_good


def test_a_list_that_is_not_of_tables_only_is_said(file):
    [problem] = check_rules(file("rule = [1, {name = 'r'}]"))
    assert str(problem) == "rules.toml line 1, rule: is not a list of tables; write [[rule]]"


def test_a_folder_is_no_rules_file(tmp_path):
    with pytest.raises(BadInput, match=r"cannot read .*: Is a directory"):
        load_rules(tmp_path)


def test_columns_of_scopes_and_of_names_of_runs_are_known_too(file):
    text = (
        f"[[rule]]\nname = 'one'\n{WHERE}shared = 'even'\nscope = 'SkuId = \"x\"'\n"
        f"[[rule]]\nname = 'two'\n{WHERE}run = 'r-{{SubAccountId}}'\n"
        f"[[rule]]\nname = 'three'\n{WHERE}label = 'team={{ResourceId}}'\n"
    )
    assert load_rules(file(text)).columns == ["RegionId", "SkuId", "SubAccountId"]


def test_a_rule_cannot_take_a_step_s_name(file):
    for step in ("run_tag", "unmatched", "unused_commitment"):
        text = rule("match = 'RegionId = \"x\"'\nrun = 'a'").replace("'r'", f"'{step}'")
        assert "is taken" in str(check_rules(file(text))[0])


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(NotFound, match=r"no rules file .*none.toml"):
        load_rules(tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_said(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "not text in UTF-8" in str(check_rules(path)[0])


def test_too_many_rules_are_a_mistake(file):
    rules = [
        f"[[rule]]\nname = 'r{n}'\nmatch = 'RegionId = \"x\"'\nrun = 'a'\n" for n in range(1001)
    ]
    assert [str(each) for each in check_rules(file("".join(rules)))] == [
        "rules.toml line 1, rule: more than 1000 rules; use 'in' and globs"
    ]
    assert check_rules(file("".join(rules[1:]))) == []


def test_rules_made_in_python_have_distinct_names_too():
    match = parse_match('RegionId = "x"')
    one = Rule("r", match, "", Outcome.UNALLOCATED, "")
    with pytest.raises(BadInput, match="same name"):
        Rules((one, one))
    assert one.line == 0
    assert Rules((one,)).rules == (one,)

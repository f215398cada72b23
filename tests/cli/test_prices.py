"""The prices commands: what is asked is answered, or refused in one sentence with a way out."""

import json
from decimal import Decimal

import click
import pytest

from prices.servers import Reply, sample, serving
from trainfare.cli.main import main


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    return tmp_path / "home"


@pytest.fixture
def say(capsys):
    """Run one command; its exit code, output and error text, without colours."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return ended.value.code, click.unstyle(out), click.unstyle(err)

    return run


@pytest.fixture
def answer(say):
    """Run one command for its JSON."""

    def run(*words):
        code, out, err = say(*words, "--format", "json")
        assert code == 0, err
        return json.loads(out)

    return run


def row(amount, name="Standard_ND96isr_H100_v5", **words):
    return {
        "productName": "Virtual Machines NDsr H100 v5 Series",
        "skuName": "x",
        "meterName": "x",
        "type": "Consumption",
        "retailPrice": amount,
        "unitOfMeasure": "1 Hour",
        "armSkuName": name,
        "armRegionName": "eastus",
        "currencyCode": "USD",
        **words,
    }


def azure(*rows):
    return serving(lambda call: Reply({"Items": list(rows)}))


def test_find_lists_the_cheapest_first_with_age_and_accelerators(say):
    code, out, _ = say("prices", "find", "h100", "us-east-1")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["name", "where", "option", "accelerators", "per", "hour", "age"]
    assert "8 × H100" in out
    assert "$16.95–55.04" in out, "spot shows the range by zone"
    assert "for orientation only" in out
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("words", [["h100"], ["standard_nd96"], ["gpu-h100-sxm"], ["tpu"]])
def test_no_table_is_wider_than_the_terminal(say, words):
    for columns in ("find", "list"):
        _, out, _ = say("prices", columns, *(words if columns == "find" else []))
        assert all(len(line) <= 80 for line in out.splitlines())


def test_find_in_json_has_stable_keys_and_text_amounts(answer):
    found = answer(
        "prices", "find", "p5.48xlarge", "--region", "us-east-1", "--option", "on_demand"
    )
    assert found["total"] == 1
    (price,) = found["prices"]
    assert price == {
        "sku": "aws/us-east-1/p5.48xlarge/on_demand",
        "provider": "aws",
        "region": "us-east-1",
        "name": "p5.48xlarge",
        "option": "on_demand",
        "amount": "55.04",
        "high": None,
        "unit": "h",
        "currency": "USD",
        "accelerator": "H100",
        "accelerators": "8",
        "vcpus": "192",
        "memory_gib": "2048",
        "origin": "shipped",
        "source": "AWS list prices in karpenter-provider-aws; generated 2026-07-20",
        "confidence": "vendor_repo",
        "as_of": "2026-07-20",
        "age_days": price["age_days"],
        "quality": price["quality"],
        "reference": False,
    }


def test_find_nothing_names_what_comes_close(say):
    code, _, err = say("prices", "find", "p5.48xlrge")
    assert code == 2
    assert "p5.48xlarge" in err
    assert err.count("\n") == 1


def test_find_nothing_in_json_is_an_empty_list(answer):
    assert answer("prices", "find", "nonsense") == {"prices": [], "total": 0}


def test_show_says_which_price_holds_and_why(say, answer):
    code, out, _ = say("prices", "show", "p5.48xlarge", "--region", "us-east-1")
    assert code == 0
    assert "$55.04/h" in out
    assert "shipped list price of 2026-07-20" in out
    assert "karpenter-provider-aws" in out
    assert "$6.88/h" in out
    say("prices", "set", "--instance", "P5.48XLARGE", "--price", "43.20")
    _, out, _ = say("prices", "show", "aws/us-east-1/p5.48xlarge/on_demand")
    assert "$43.20/h" in out
    assert "$55.04 of 2026-07-20" in out
    shown = answer("prices", "show", "p5.48xlarge", "--region", "us-east-1")
    assert (shown["price"]["amount"], shown["price"]["origin"]) == ("43.2", "override")
    assert shown["listing"]["amount"] == "55.04"


def test_show_of_spot_says_it_is_reference_and_how_often_it_is_taken_back(say):
    _, out, _ = say("prices", "show", "aws/us-east-1/p5.48xlarge/spot")
    assert "reference price of 2026-04, up to" in out
    assert "$16.95 to $55.04 by zone" in out
    assert ">20% of machines a month" in out
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["p5.48xlarge"], "say --region"),
        (["p5.48xlrge"], "close names: p5.48xlarge"),
        (["p5.48xlarge", "--region", "mars-1"], "listed in us-east-1"),
    ],
)
def test_show_of_the_unknown_is_one_sentence(say, words, sentence):
    code, out, err = say("prices", "show", *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_set_list_and_unset_go_round(say, answer):
    assert say("prices", "list")[1].startswith("None set.")
    own = ["--capex", "262800", "--years", "5", "--watts", "6500", "--pue", "1.4"]
    own += ["--tariff", "0.20", "--opex", "1.50", "--currency", "eur"]
    done = answer("prices", "set", "--host", "gpu-box-1", *own, "--note", "bought in May")
    assert done["replaced"] is False
    assert done["override"]["per_hour"] == "9.32"
    assert done["override"]["currency"] == "EUR"
    say(
        "prices", "set", "--gpu", "nvidia h100 80gb hbm3", "--price", "2.10", "--from", "2999-01-01"
    )
    say("prices", "set", "--provider", "aws", "--discount", "12.5")
    say("prices", "set", "--sku", "aws/us-east-1/s3/standard", "--price", "0.021/gb-month")
    rows = answer("prices", "list")["overrides"]
    assert [(item["aim"], item["name"]) for item in rows] == [
        ("host", "gpu-box-1"),
        ("accelerator", "H100"),
        ("provider", "aws"),
        ("sku", "aws/us-east-1/s3/standard"),
    ]
    assert [item["holds_today"] for item in rows] == [True, False, True, True]
    assert (rows[3]["amount"], rows[3]["unit"]) == ("0.021", "gb_month")
    _, out, _ = say("prices", "list")
    assert "€9.32/h (own)" in out
    assert "12.5 % off" in out
    assert "not today" in out
    assert answer("prices", "unset", "--gpu", "H100") == {"removed": 1}
    code, _, err = say("prices", "unset", "--gpu", "H100")
    assert code == 2
    assert "host gpu-box-1" in err


def test_the_same_again_is_replaced_and_said(say):
    assert say("prices", "set", "--gpu", "H100", "--price", "2")[1].startswith("Set: $2.00/h")
    assert say("prices", "set", "--gpu", "H100", "--price", "3")[1].startswith("Replaced: $3.00/h")


def test_a_name_nobody_lists_is_set_and_doubted(say):
    code, out, _ = say("prices", "set", "--instance", "p5.48xlrge", "--price", "3")
    assert code == 0
    assert "No price list knows p5.48xlrge; close names: p5.48xlarge" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--price", "3"], "one of --instance"),
        (["--gpu", "H100", "--host", "box", "--price", "3"], "one of --instance"),
        (["--gpu", "H100"], "says one of amount, discount, own machine"),
        (["--gpu", "H100", "--price", "abc"], "is not an amount per hour"),
        (["--gpu", "H100", "--price", "-1"], "below 0"),
        (["--gpu", "H100", "--price", "0"], "the price of H100 is 0; state an amount above 0"),
        (["--gpu", "H100", "--price", "1/gb"], "only a sku"),
        (["--gpu", "H100", "--discount", "x"], "--discount: 'x' is not a number"),
        (["--gpu", "H100", "--discount", "100"], "below 100 %"),
        (["--host", "b", "--capex", "1"], "--years"),
        (["--host", "b", "--price", "1", "--watts", "1"], "--capex"),
        (["--host", "b", "--capex", "1", "--years", "0"], "more than 0 years"),
        (["--host", "b", "--capex", "1", "--years", "1", "--pue", "0.5"], "PUE"),
        (["--host", "b", "--price", "1", "--from", "soon"], "is not a day"),
        (
            ["--host", "b", "--price", "1", "--from", "2026-02-02", "--until", "2026-02-01"],
            "not after",
        ),
        (["--provider", "aws", "--price", "1"], "is a discount"),
        (["--sku", "aws", "--price", "1"], "is not provider/region/name/option"),
        (["--host", "b", "--price", "1", "--currency", "dollar"], "three capital letters"),
    ],
)
def test_what_cannot_be_set_is_refused_in_one_sentence(say, home, words, sentence):
    code, out, err = say("prices", "set", *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert not (home / "prices" / "overrides.json").exists()


def test_import_stores_and_says_what_it_passed_over(say, answer, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "provider,region,name,option,amount,as_of\n"
        "aws,eu-west-9,p5.48xlarge,on_demand,61.5,2026-11-01\n"
    )
    code, out, _ = say("prices", "import", sheet)
    assert code == 0
    assert "import-sheet eu-west-9: updated, 1 prices, 1 of them changed" in out
    shown = answer("prices", "show", "p5.48xlarge", "--region", "eu-west-9")
    assert shown["price"]["source"] == "price sheet sheet.csv"
    sheet.write_text("InstanceType,Price,Region\nx.large,1,us-east-1\n,2,us-east-1\n")
    words = ["--format", "skypilot", "--provider", "aws", "--as-of", "2026-11-01"]
    done = answer("prices", "import", sheet, *words)
    assert done["passed_over"] == {"parts without an instance type": 1}
    assert done["outcomes"][0]["kept"] == 1


def test_import_of_a_wrong_file_lists_every_problem_and_stores_nothing(say, home, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "provider,region,name,option,amount,as_of\n"
        "aws,us-east-1,a,on_demand,x,2026-11-01\n"
        "aws,us-east-1,b,on_demand,0,2026-11-01\n"
        "aws,us-east-1,c,on_demand,1,never\n"
    )
    code, out, err = say("prices", "import", sheet)
    assert code == 2
    assert "sheet.csv row 1, column amount: 'x' is not a number" in err
    assert "row 3, column as_of" in err
    assert "nothing of sheet.csv was stored" in err
    code, out, _ = say("prices", "import", sheet, "--format", "json")
    assert code == 2
    assert [problem["row"] for problem in json.loads(out)["problems"]] == [1, 2, 3]
    assert not home.exists()


def test_refresh_keeps_prices_and_shows_what_waits(say, answer):
    with azure(
        row(98.32), row(7, "Standard_NC40ads_H100_v5"), row(0, "Standard_NC6s_v3")
    ) as service:
        code, out, _ = say(
            "prices", "refresh", "--provider", "azure", "--region", "eastus", "--url", service.url
        )
    assert code == 0
    assert "azure-retail eastus: updated, 2 prices" in out
    assert "rejected azure/eastus/Standard_NC6s_v3/on_demand: 0 is not above 0" in out
    shown = answer("prices", "show", "azure/eastus/Standard_ND96isr_H100_v5/on_demand")
    assert shown["price"]["origin"] == "refreshed"
    assert shown["price"]["quality"] == "fresh"
    with azure(row(55.04)) as service:
        words = ["--provider", "azure", "--region", "eastus", "--url", service.url]
        _, out, _ = say("prices", "refresh", *words)
    assert "98.32 → 55.04 (-44.0 %)" in " ".join(out.split())
    assert "--confirm" in out
    sku = "azure/eastus/Standard_ND96isr_H100_v5/on_demand"
    assert answer("prices", "show", sku)["price"]["amount"] == "98.32"
    assert answer("prices", "refresh", "--confirm", sku)["confirmed"] == [
        {"sku": sku, "amount": "55.04"}
    ]
    assert answer("prices", "show", sku)["price"]["amount"] == "55.04"
    assert say("prices", "refresh", "--confirm", "all")[1].startswith("Nothing waits")
    assert say("prices", "refresh", "--confirm", sku)[0] == 2


def test_a_provider_that_fails_is_one_sentence_and_exit_3(say, answer):
    with azure(row(98.32)) as service:
        say("prices", "refresh", "--provider", "azure", "--region", "eastus", "--url", service.url)
    with serving(lambda call: Reply("<html>", 404)) as service:
        words = ["--feed", "azure-retail", "--region", "eastus", "--url", service.url]
        code, _, err = say("prices", "refresh", *words)
        assert code == 3
        assert "HTTP 404" in err
        assert "last known prices stay" in err
        code, out, _ = say("prices", "refresh", *words, "--region", "westus", "--format", "json")
        assert code == 3
        assert [item["status"] for item in json.loads(out)["outcomes"]] == ["failed", "failed"]
    sku = "azure/eastus/Standard_ND96isr_H100_v5/on_demand"
    assert answer("prices", "show", sku)["price"]["amount"] == "98.32"


def test_the_spot_advisor_is_a_feed_too(say):
    shipped = sample("aws_spot_advisor.json")
    with serving(lambda call: Reply(shipped)) as service:
        code, out, _ = say("prices", "refresh", "--provider", "aws", "--url", service.url)
    assert code == 0
    assert "aws-spot-advisor: 3 types and regions" in out
    with serving(lambda call: Reply("no", 403)) as service:
        code, _, err = say("prices", "refresh", "--feed", "aws-spot-advisor", "--url", service.url)
    assert code == 3
    assert "HTTP 403" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "say what to refresh"),
        (["--provider", "azure"], "give --region"),
        (["--provider", "gcp"], "API key"),
        (["--feed", "aws-savings-plans", "--region", "us-east-1"], "--feed aws-bulk"),
        (["--provider", "azure", "--region", "../x"], "not a provider, region or feed"),
        (
            ["--provider", "azure", "--region", "eastus", "--url", "file:///etc/passwd"],
            "not an http",
        ),
    ],
)
def test_what_cannot_be_refreshed_is_refused_in_one_sentence(say, words, sentence):
    code, _, err = say("prices", "refresh", *words)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1


def test_no_answer_holds_a_float(answer):
    def amounts(value):
        if isinstance(value, dict):
            for inner in value.values():
                yield from amounts(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from amounts(inner)
        else:
            yield value

    for words in (["find", "tpu"], ["show", "aws/us-east-1/p5.48xlarge/spot"], ["list"]):
        values = list(amounts(answer("prices", *words)))
        assert not any(isinstance(value, float) for value in values)
    assert Decimal(answer("prices", "find", "tpu-v5p")["prices"][0]["amount"]) > 0

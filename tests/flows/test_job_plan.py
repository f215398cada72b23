"""What jobs.toml says is checked word by word before a job runs."""

import pytest

from trainfare.core.errors import BadInput
from trainfare.flows.job_plan import BillPlace, JobPlan, PriceOrder, UsagePlace, interval_ns
from trainfare.flows.jobs import JOBS, load_plan, time_of


def plan(tmp_path, text):
    (tmp_path / "jobs.toml").write_text(text)
    return load_plan(tmp_path)


def test_a_home_without_the_file_has_an_empty_plan(tmp_path):
    assert load_plan(tmp_path) == JobPlan()


def test_every_key_is_read(tmp_path):
    found = plan(
        tmp_path,
        """
        [when]
        bills = "90s"
        alerts = "off"
        [[bill]]
        place = "s3://b/{month}/"
        source = "aws"
        [[prices]]
        feed = "aws-api"
        regions = ["us-east-1"]
        only = "accelerators"
        [[usage]]
        from = "slurm"
        cluster = "hpc"
        nodes = "nodes.txt"
        days = 5
        [[usage]]
        from = "opencost"
        url = "http://opencost:9003/"
        """,
    )
    assert found.bills == (BillPlace("s3://b/{month}/", "aws"),)
    assert found.prices == (PriceOrder("aws-api", ("us-east-1",), only_accelerators=True),)
    assert found.usage == (
        UsagePlace("slurm", cluster="hpc", nodes=tmp_path / "nodes.txt", days=5),
        UsagePlace("opencost", "http://opencost:9003"),
    )
    assert time_of(JOBS["bills"], found) == "90s"
    assert time_of(JOBS["alerts"], found) is None
    assert time_of(JOBS["allocate"], found) == JOBS["allocate"].when


@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_needs_something_is_off_without_it(tmp_path, name):
    job = JOBS[name]
    lacks = job.needs is not None and "extra" not in job.needs  # all extras are installed here
    assert (time_of(job, load_plan(tmp_path)) is None) is lacks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "is not TOML"),
        ("[whenever]\n", "there is no key 'whenever'; keys: when, bill"),
        ("[when]\nbill = '1h'\n", r"\[when\]: there is no key 'bill'; keys: bills"),
        ("[when]\nbills = 3\n", r"\[when\]: bills is no text in quotes"),
        ("[when]\nbills = '5'\n", "bills '5' is no time; write 30s, 5m"),
        ("[when]\nbills = '2s'\n", "is shorter than 10s"),
        ("[when]\nbills = '* * *'\n", "is no time"),
        ("when = 1\n", r"\[when\] is no table"),
        ("[bill]\nplace = 'x'\n", r"write each bill under its own \[\[bill\]\]"),
        ("[[bill]]\nsource = 'x'\n", r"\[\[bill\]\] 1: say place as well"),
        ("[[bill]]\nplace = 'x'\n[[bill]]\nplace = ''\n", r"\[\[bill\]\] 2: place is no text"),
        ("[[prices]]\nfeed = 'x'\n", "feed 'x' is none of azure"),
        (
            "[[prices]]\nfeed = 'azure-retail'\nonly = 'cpus'\n",
            "only 'cpus' is none of accelerators",
        ),
        ("[[prices]]\nfeed = 'azure-retail'\nregions = 'eastus'\n", "regions is no list of texts"),
        ("[[usage]]\nfrom = 'pbs'\n", "from 'pbs' is none of slurm, opencost, dcgm, file"),
        ("[[usage]]\nfrom = 'opencost'\n", "say url as well"),
        ("[[usage]]\nfrom = 'dcgm'\nurl = 'file:///x'\n", "url is no address such as"),
        ("[[usage]]\nfrom = 'file'\n", "say files as well"),
        ("[[usage]]\nfrom = 'slurm'\ndays = 0\n", "days is no whole number from 1 on"),
        ("[trackers]\nmlflow = 5\n", "mlflow"),
        ("[preview]\nfrom = 'oracle'\n", "from 'oracle' is none of aws"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, said):
    with pytest.raises(BadInput, match=said) as refused:
        plan(tmp_path, text)
    assert str(refused.value).startswith(str(tmp_path / "jobs.toml"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86400), ("5", None), ("0m", None)]
)  # fmt: skip
def test_a_time_is_a_number_and_a_unit(text, seconds):
    assert interval_ns(text) == (None if seconds is None else seconds * 10**9)

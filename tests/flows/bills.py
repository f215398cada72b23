"""Little FOCUS bills as text, and commands that are run on them, for tests of the bill path."""

import contextlib
import io
import json

import pytest

from trainfare.cli.main import main

HEADER = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingAccountId,"
    "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
    "ServiceName,ServiceCategory,ServiceProviderName,ResourceId,ConsumedQuantity,ConsumedUnit,Tags,"
    "InvoiceIssuerName,SubAccountId,RegionId,ServiceSubcategory"
)


def hour(resource, at, amount, *, day=1, tags="", category="Usage", currency="USD", month="10"):
    """A charge of one hour on 2026-10-*day* at *at* o'clock."""
    start = f"2026-{month}-{day:02d}T{at:02d}:00:00Z"
    end = f"2026-{month}-{day + (at == 23):02d}T{(at + 1) % 24:02d}:00:00Z"
    following = f"{int(month) + 1:02d}"
    quoted = '"' + tags.replace('"', '""') + '"' if tags else ""
    return (
        f"{amount},{amount},{amount},{amount},{currency},acct-1,2026-{month}-01T00:00:00Z,"
        f"2026-{following}-01T00:00:00Z,{start},{end},{category},Amazon EC2,Compute,AWS,{resource},"
        f"1,Hours,{quoted},AWS,sub-1,us-east-1,Virtual Machines"
    )


def write_bill(path, *charges):
    """A bill of *charges* at *path*."""
    path.write_text("\n".join([HEADER, *charges]) + "\n")
    return path


def write_claims(path, *claims):
    """Claims as (run, resource, start hour, end hour, share) on the first of October."""
    lines = ["run,resource,start,end,share,label.model,label.team"]
    for run, resource, start, end, share in claims:
        moments = [f"2026-10-01T{int(h):02d}:{round(h % 1 * 60):02d}:00Z" for h in (start, end)]
        lines.append(f"{run},{resource},{moments[0]},{moments[1]},{share},bert,nlp")
    path.write_text("\n".join(lines) + "\n")
    return path


def trainfare(home, *words, code=0):
    """What a command answers as JSON, or what it complains; its exit code is *code*."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), "--home", str(home), "--format", "json"])
    assert (ended.value.code or 0) == code, err.getvalue()
    return json.loads(out.getvalue()) if out.getvalue().strip() else err.getvalue()


def said(home, *words, code=0):
    """What a command prints as text; its exit code is *code*."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), "--home", str(home)])
    assert (ended.value.code or 0) == code, err.getvalue()
    return out.getvalue() + err.getvalue()

"""Writes the forms of answers anew from real ones: python -m server.answer_forms, in tests/.

A form is a JSON Schema and an example. Keys that had a value in every answer of a route are required,
anything may be null (missing is a state), and more keys may come. What depends on labels, currencies or
names of runs is an open map.
"""

import json
import re
import tempfile
import time
from pathlib import Path

from server.served import serving
from server.two_teams import FOREIGN, OWN, fill

FORMS = Path(__file__).parents[2] / "src/trainfare/server/answer_forms.json"
EXAMPLE_ROWS = 2
"""An example has so many of a list."""

RUN, CLAIMED = f"r-{OWN}", f"c-{OWN}"
QUESTIONS = {
    "/api/v1/me": [""],
    "/api/v1/server": [""],
    "/api/v1/machines": [""],
    "/api/v1/clients": [""],
    "/api/v1/tokens": [""],
    "/api/v1/audit": [""],
    "/api/v1/jobs": [""],
    "/api/v1/runs": ["", "limit=1", f"q={OWN}"],
    "/api/v1/runs/counts": [""],
    "/api/v1/runs/{run}": [""],
    "/api/v1/runs/{run}/receipt": [""],
    "/api/v1/runs/{run}/frame": [""],
    "/api/v1/runs/{run}/explain": [""],
    "/api/v1/claims": ["", f"run={CLAIMED}"],
    "/api/v1/compare": [f"first={RUN}&second=r-zebra"],
    "/api/v1/report": ["by=model", "by=run,component", "by=team&where=team=okapi"],
    "/api/v1/reconcile": ["", "period=2026-10", f"run={RUN}"],
    "/api/v1/verify": [""],
    "/api/v1/frontier": [""],
    "/api/v1/statement": ["", f"team={OWN}"],
    "/api/v1/bills": [""],
    "/api/v1/budgets": [""],
    "/api/v1/budgets/check": ["", "plan=p4d.24xlarge for 2h"],
    "/api/v1/budgets/{name}": [""],
    "/api/v1/alerts": ["", "all=true"],
    "/api/v1/prices": ["q=p4d", "q=h100"],
    "/api/v1/prices/show": ["sku=p4d.24xlarge&region=us-east-1"],
    "/api/v1/estimate": ["instance=p4d.24xlarge&hours=1&region=us-east-1"],
}
"""Path → what is asked of it."""

NAMES = {"run": RUN, "name": f"{OWN}-budget"}

OPEN_MAPS = {
    "labels", "methods", "counts", "coverage", "also_billed", "held_seconds", "given_by_rules",
    "shared_pools", "why", "facts", "metrics", "totals", "tagged", "total_by_currency",
}  # fmt: skip
"""Objects whose keys are the user's words."""


def path_of(path):
    """A real address of a described path."""
    if path.endswith("/explain"):
        return path.replace("{run}", CLAIMED)
    return re.sub(r"\{(\w+)\}", lambda found: NAMES[found[1]], path)


def form_of(values, name=""):
    """The JSON Schema of what all of *values* are."""
    kinds = {kind_of(one) for one in values} - {"null"}
    if not kinds:
        return {}
    if len(kinds) > 1:
        return {"type": [*sorted(kinds), "null"]}
    [kind] = kinds
    known = [one for one in values if one is not None]
    form = {"type": [kind, "null"]}
    if kind == "array":
        items = [one for value in known for one in value]
        return {**form, "items": form_of(items)} if items else form
    if kind != "object" or not any(known):
        return form
    keys = dict.fromkeys(key for value in known for key in value)
    if name in OPEN_MAPS or not all(re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in keys):
        parts = [one for value in known for one in value.values()]
        return {**form, "additionalProperties": form_of(parts)}
    return {
        **form,
        "properties": {k: form_of([v[k] for v in known if k in v], k) for k in keys},
        "required": [key for key in keys if all(value.get(key) is not None for value in known)],
    }


def kind_of(value):
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {str: "string", list: "array", dict: "object", type(None): "null"}[type(value)]


def short(value):
    """An example that can be read."""
    if isinstance(value, list):
        return [short(one) for one in value[:EXAMPLE_ROWS]]
    if isinstance(value, dict):
        return {key: short(one) for key, one in value.items()}
    return value


def answers(server, token, path):
    """What a caller is told, of all questions that have an answer."""
    found = []
    for query in QUESTIONS[path]:
        asked = f"{path_of(path)}?{query}".replace(" ", "%20")
        status, _, body = server.ask(asked, token=token)
        if status == 200:
            found.append(json.loads(body))
    return found


def tokens_of(server):
    """Of all teams, and of one."""
    body = {"name": "team", "scopes": ["admin"], "team": OWN}
    return server.token, server.json("/api/v1/tokens", method="POST", body=body)["secret"]


def settled(home):
    """A server on a home of two teams whose lists are complete."""
    fill(home)
    return serving(home)


def main():
    """Write the forms."""
    with tempfile.TemporaryDirectory() as folder, settled(Path(folder) / "home") as server:
        until = time.monotonic() + 60
        while server.json("/api/v1/runs")["total"] < 2 and time.monotonic() < until:
            time.sleep(0.2)
        secrets = tokens_of(server)
        forms = {}
        for path in QUESTIONS:
            told = [one for token in secrets for one in answers(server, token, path)]
            forms[path] = {"schema": form_of(told), "example": short(told[0])}
            print(path, len(told))
    lines = [f"{json.dumps(path)}: {json.dumps(form)}" for path, form in forms.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    for word, plain in ((folder, "/srv/trainfare"), (OWN, "language"), (FOREIGN, "vision")):
        text = text.replace(word, plain)
    FORMS.write_text(text)


if __name__ == "__main__":
    main()

"""An assistant asks over a real connection: the process, the protocol, the answers."""

import asyncio
import os
import subprocess
import sys

import pytest

mcp = pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")


def trainfare(home, *words):
    done = subprocess.run(
        [sys.executable, "-m", "trainfare", *words],
        env={**os.environ, "TRAINFARE_HOME": str(home), "TRAINFARE_METADATA": "off"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    labels = ["--model", "bert", "--team", "nlp", "--price", "3.6/h"]
    trainfare(home, "run", "--name", "first", *labels, "--", sys.executable, "-c", "pass")
    trainfare(home, "budget", "set", "month", "--scope", "team=nlp", "--limit", "100")
    return home


def conversation(home, *questions):
    """What the assistant is told, one answer a question: (is an error, document or text)."""

    async def talk():
        parameters = mcp.StdioServerParameters(
            command=sys.executable,
            args=["-m", "trainfare", "mcp"],
            env={**os.environ, "TRAINFARE_HOME": str(home)},
        )
        async with mcp.Client(parameters) as client:
            tools = await client.list_tools()
            answers = [await client.call_tool(name, words) for name, words in questions]
        return tools.tools, answers

    return asyncio.run(talk())


def test_an_assistant_is_told_what_a_person_would_see(home):
    tools, answers = conversation(
        home,
        ("runs", {"team": "nlp"}),
        ("run", {"run": "first"}),
        ("costs", {"by": "model"}),
        ("budgets", {}),
    )
    listed, shown, costs, budgets = [one.structured_content for one in answers]
    assert listed["total"] == 1
    assert shown["name"] == "first"
    assert costs["rows"][0]["model"] == "bert"
    assert costs["rows"][0]["estimated"] == shown["estimated"]["total"]
    assert budgets["budgets"][0]["state"] == "ok"
    assert all(tool.annotations.read_only_hint for tool in tools)


def test_a_refusal_is_one_sentence_and_words_are_never_options(home):
    _, answers = conversation(
        home,
        ("run", {"run": "nobody"}),
        ("run", {"run": "--help"}),
        ("costs", {"by": "model", "period": "October"}),
    )
    texts = [one.content[0].text for one in answers]
    assert all(one.is_error for one in answers), texts
    assert "no run is called 'nobody'" in texts[0]
    assert "no run is called '--help'" in texts[1]
    assert "October" in texts[2]
    assert not any("Traceback" in text for text in texts)

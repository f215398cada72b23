"""Dossiers: each machine once, each answer with its source."""

from cli.recordings import MACHINE, Recorder
from trainfare.core.machine import Machine
from trainfare.flows.show import QUESTIONS, answers_of, open_dossier


def test_every_question_has_an_answer_or_an_admitted_gap():
    answers = answers_of(MACHINE)
    assert set(answers) == set(QUESTIONS)
    assert answers["instance_type"] == ("p5.48xlarge", "stated")
    assert answers["account"] == (None, None)


def test_ranks_of_one_node_show_one_machine_and_two_nodes_two(tmp_path):
    second = Machine("i-0def", "node-2")
    for rank, machine in enumerate((MACHINE, MACHINE, second)):
        made = Recorder(tmp_path, "r-1", segment=f"rank-{rank}", rank=rank, machine=machine)
        made.ride(1)
        made.end()
    dossier = open_dossier(tmp_path, "r-1")
    assert [machine.resource_id for machine in dossier.machines] == ["i-0abc", "i-0def"]
    assert [s["rank"] for s in dossier.to_json()["segments"]] == [0, 1, 2]

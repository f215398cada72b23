"""``track`` as training code uses it: nested, repeated, forked, failing, on a bad disk."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from fractions import Fraction

import pytest

import trainfare
from trainfare.core.run import Flops
from trainfare.metering.history import close_dead, read_receipt, run_ids


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    for name in ("TRAINFARE_RUN_ID", "TRAINFARE_PRICE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def document(run):
    return run.receipt().to_json()


def in_child(code, home, *arguments, env=None, **more):
    """Run *code* in a fresh interpreter with this home."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env={**os.environ, "TRAINFARE_HOME": str(home), **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )


def test_a_training_has_epochs_steps_stages_and_a_receipt(tmp_path):
    with trainfare.track("t", model="m", price="3.6/h") as run:
        for _ in run.epochs(range(2)):
            for _ in run.steps([1, 2, 3]):
                pass
            with run.stage("eval"):
                time.sleep(0.002)
        (tmp_path / "last.pt").write_bytes(b"x" * 1000)
        run.checkpoint(tmp_path / "last.pt")
    receipt = document(run)
    assert receipt["status"] == "finished"
    assert receipt["steps"] == 6
    assert [e["epoch"] for e in receipt["epochs"]] == [0, 1]
    assert {"setup", "train", "eval", "finish"} <= {s["stage"] for s in receipt["stages"]}
    assert receipt["artifacts"][0]["bytes"] == 1000
    nano = {k: round(float(v) * 1e9) for k, v in receipt["estimated"]["components"].items() if v}
    assert nano["compute"] == round(receipt["duration_seconds"] * 10**6)


def test_epochs_sum_to_the_train_stage_exactly():
    with trainfare.track(price="3.6/h") as run:
        for _ in run.epochs(range(5)):
            for _ in run.steps(range(10)):
                pass
    receipt = document(run)
    train = next(s["estimated"] for s in receipt["stages"] if s["stage"] == "train")
    parts = sum(trainfare.Money.parse(e["estimated"]).nano for e in receipt["epochs"])
    assert trainfare.Money.parse(train).nano == parts


def test_numbered_epochs_keep_their_numbers_when_training_resumes():
    with trainfare.track(price="1") as run:
        for _ in run.epochs(range(7, 9)):
            run.step()
        for _ in run.epochs(["a", "b"]):
            run.step()
    assert [e["epoch"] for e in document(run)["epochs"]] == [0, 1, 7, 8]


def test_a_loop_keeps_its_length_and_may_be_left_early():
    with trainfare.track(price="1") as run:
        assert len(run.steps([1, 2, 3])) == 3
        for _ in run.epochs(range(10)):
            for _ in run.steps(iter(range(100))):
                break
            break
        run.step()
    receipt = document(run)
    assert [e["epoch"] for e in receipt["epochs"]] == [0]
    assert receipt["steps"] == 2


def test_the_loop_says_what_it_takes_in():
    with trainfare.track(price="1") as run:
        for _ in run.steps(range(3), samples=32, tokens=lambda item: 100 + item):
            pass
        run.step(samples=8)
        run.step()
    segment = run.receipt().run.segments[0]
    assert (segment.steps, segment.samples, segment.tokens) == (5, 104, 303)
    assert (document(run)["samples"], document(run)["tokens"]) == (104, 303)


def test_what_is_no_count_is_left_out_and_never_raises(caplog):
    with trainfare.track(price="1") as run:
        run.step(samples=2.5, tokens=-1)
        run.step(samples=3)
        for _ in run.steps([1], tokens=lambda item: item["tokens"]):
            pass
        run.resume(step="seven")
    segment = run.receipt().run.segments[0]
    assert (segment.steps, segment.samples, segment.tokens) == (3, 3, None)
    assert segment.first_step is None
    assert "samples=2.5 is not a whole number" in caplog.text


def test_a_training_that_says_nothing_of_samples_is_unknown_not_zero():
    with trainfare.track(price="1") as run:
        run.step()
    assert (document(run)["samples"], document(run)["tokens"]) == (None, None)


def test_tokens_survive_a_kill(home):
    code = """
        import os, signal, time, trainfare
        run = trainfare.track(run_id="r-killed", price="1")
        run.step(tokens=700)
        until = time.monotonic() + 30
        folder = next((run.home / "runs" / "r-killed").iterdir())
        while time.monotonic() < until:
            time.sleep(0.05)
            path = folder / "samples.bin"
            if path.exists() and any(path.read_bytes()[n] == 3 for n in range(0, path.stat().st_size, 96)):
                break
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert in_child(code, home).returncode == -signal.SIGKILL
    assert read_receipt(home, "r-killed").run.segments[0].tokens == 700


def test_a_resumed_training_says_where_it_goes_on_and_steps_made_again_are_known(home):
    for first, made in ((None, 10), (6, 8)):
        with trainfare.track(run_id="r-resumed", price="1") as run:
            if first is not None:
                run.resume(step=first)
            for _ in run.steps(range(made)):
                pass
    work = read_receipt(home, "r-resumed").work
    assert (work.steps, work.redone_steps) == (18, 4)


def test_parents_and_version_are_recorded():
    with trainfare.track(price="1", model="m", version="2", parent=["r-a", "r-b"]) as run:
        pass
    assert document(run)["parents"] == ["r-a", "r-b"]
    assert document(run)["labels"] == {"model": "m", "version": "2"}
    with pytest.raises(trainfare.BadInput, match="names itself"):
        trainfare.track(run_id="r-x", parent="r-x")


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ValueError("bad loss"), "failed", "ValueError: bad loss"),
        (KeyboardInterrupt(), "killed", "keyboard"),
        (SystemExit(3), "failed", "SystemExit: 3"),
        (SystemExit(0), "finished", None),
        (trainfare.BudgetExceeded("over"), "stopped_by_budget", "over"),
    ],
)
def test_an_exception_passes_through_and_is_recorded(error, status, words):
    with pytest.raises(type(error)):
        with trainfare.track(price="1") as run:
            raise error
    segment = run.receipt().run.segments[0]
    assert segment.status.value == status
    assert (segment.error is None) if words is None else (words in segment.error)


def test_track_inside_track_joins_the_run(home):
    with trainfare.track("outer", price="1") as outer:
        with trainfare.track("inner", team="x") as inner:
            assert inner is outer
        outer.step()
        assert document(outer)["status"] == "running"
    assert document(outer)["status"] == "finished"
    assert run_ids(home) == [outer.id]


def test_track_twice_is_two_runs(home):
    with trainfare.track("a", price="1") as first:
        pass
    with trainfare.track("b", price="1") as second:
        pass
    assert first.id != second.id
    assert len(run_ids(home)) == 2
    assert "TRAINFARE_RUN_ID" not in os.environ


def test_two_threads_are_two_runs(home):
    ids = []
    both_inside = threading.Barrier(2, timeout=20)

    def train():
        with trainfare.track(price="1") as run:
            ids.append(run.id)
            both_inside.wait()

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 2
    assert "TRAINFARE_RUN_ID" not in os.environ


def test_a_run_without_with_ends_at_exit_and_a_crash_makes_it_fail(home):
    in_child("import trainfare; trainfare.track('ends', price='1')", home)
    in_child("import trainfare; trainfare.track('dies', price='1'); 1/0", home)
    found = {r.run.name: r.run.segments[0] for r in trainfare.runs()}
    assert found["ends"].status.value == "finished"
    assert found["dies"].status.value == "failed"
    assert "ZeroDivisionError" in found["dies"].error


def test_forked_workers_neither_write_nor_end_the_run(home):
    code = """
    import os, sys, time, trainfare
    with trainfare.track("parent", price="3.6/h") as run:
        for _ in run.steps(range(3)):
            child = os.fork()
            if child == 0:
                run.step(); run.log(loss=1.0); run.checkpoint("/tmp/none")
                sys.exit(0)          # runs atexit handlers, as some workers do
            os.waitpid(child, 0)
    """
    done = in_child(code, home)
    assert (done.returncode, done.stderr) == (0, "")
    (receipt,) = trainfare.runs()
    assert (receipt.run.status.value, receipt.steps) == ("finished", 3)
    assert len(receipt.run.segments) == 1


def test_a_forked_process_that_tracks_joins_its_parents_run(home):
    code = """
    import os, trainfare
    with trainfare.track("parent", price="3.6/h"):
        child = os.fork()
        if child == 0:
            with trainfare.track(model="m"):
                pass
            os._exit(0)
        os.waitpid(child, 0)
    """
    assert in_child(code, home).returncode == 0
    (receipt,) = trainfare.runs()
    assert len(receipt.run.segments) == 2
    assert len(receipt.run.attempts) == 1
    assert receipt.run.labels == {"model": "m"}
    assert (
        receipt.estimate.total.nano == receipt.duration_ns // 1000
        or abs(receipt.estimate.total.nano - receipt.duration_ns // 1000) <= 1
    )


def test_a_requeued_job_goes_on_as_a_new_attempt(home, monkeypatch):
    monkeypatch.setenv("TRAINFARE_RUN_ID", "job-42")
    for _ in range(2):
        assert (
            in_child("import trainfare\nwith trainfare.track(price='1'): pass", home).returncode
            == 0
        )
    (receipt,) = trainfare.runs()
    assert receipt.run.id == "job-42"
    assert [a.number for a in receipt.run.attempts] == [1, 2]


def test_kill_nine_leaves_a_run_that_the_next_look_closes(home):
    code = """
    import sys, time, trainfare
    run = trainfare.track("victim", price="3.6/h")
    print("ready", flush=True)
    time.sleep(60)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "TRAINFARE_HOME": str(home)},
        stdout=subprocess.PIPE,
    )
    child.stdout.readline()
    started = time.monotonic()
    (run_id,) = run_ids(home)
    time.sleep(1.6)
    assert document_of(home, run_id)["status"] == "running"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    lived = time.monotonic() - started
    assert close_dead(home) == [run_id]
    assert close_dead(home) == []
    receipt = document_of(home, run_id)
    assert receipt["status"] == "killed"
    assert lived - 1.5 <= receipt["duration_seconds"] <= lived + 1.0
    cost = trainfare.Money.parse(receipt["estimated"]["total"]).nano
    assert abs(cost - receipt["duration_seconds"] * 10**6) <= 2


def document_of(home, run_id):
    return read_receipt(home, run_id).to_json()


def test_an_unwritable_home_costs_one_warning_and_the_receipt_still_works(
    tmp_path, monkeypatch, caplog
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "file"))
    with trainfare.track("t", price="3.6/h") as run:
        for _ in run.steps(range(3)):
            pass
    receipt = document(run)
    assert (receipt["status"], receipt["steps"]) == ("finished", 3)
    assert len([r for r in caplog.records if "training goes on" in r.message]) == 1


def test_wrong_words_are_refused_before_anything_starts(home):
    for wrong in (
        {"price": "cheap"},
        {"price": 3.6},
        {"labels": {"bad key": 1}},
        {"run_id": "Not Allowed"},
        {"team": " "},
    ):
        with pytest.raises(trainfare.BadInput):
            trainfare.track(**wrong)
    assert run_ids(home) == []


def test_a_metric_that_is_no_number_is_left_out_with_a_warning(home, caplog):
    with trainfare.track(price="1") as run:
        run.log(loss=0.5, note="x")
        run.log(loss=float("nan"))
    path = next((home / "runs" / run.id).glob("*/metrics.jsonl"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["m"] == {"loss": 0.5}
    assert "note='x' is not a number" in caplog.text


def test_importing_is_silent_and_loads_nothing_from_elsewhere(home):
    code = """
    import sys
    before = set(sys.modules)
    import trainfare
    import trainfare.metering.track, threading
    foreign = {m.split(".")[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)
    print(sorted(foreign), threading.active_count())
    """
    done = in_child(code, home)
    assert (done.stdout.strip(), done.stderr) == ("['trainfare'] 1", "")
    assert not home.exists()


def test_importing_loads_only_what_a_start_needs(home):
    """What is said rarely, asked of the network or read back is loaded when it comes to that."""
    code = """
    import sys
    import trainfare
    kept = {"logging", "datetime", "socket", "csv", "gzip", "ctypes", "hashlib", "subprocess"}
    kept |= {f"trainfare.core.{name}" for name in ("run", "claim", "period", "budget", "estimate")}
    print(sorted(kept & set(sys.modules)))
    """
    assert in_child(code, home).stdout.strip() == "[]"


def test_a_start_loads_no_prices(home):
    """They are looked up on the meter's thread; a start without a scheduler needs none of them."""
    code = """
    import sys
    import trainfare
    from trainfare.metering.place import Stated, start_facts
    start_facts({}, Stated(instance="p5.48xlarge", region="us-east-1"))
    print([name for name in sys.modules if name.startswith("trainfare.prices")])
    """
    assert in_child(code, home).stdout.strip() == "[]"


def test_a_quiet_run_never_loads_what_only_trouble_needs(home):
    code = """
    import sys, threading, time
    import trainfare
    with trainfare.track(instance="p5.48xlarge", region="us-east-1") as run:
        while run.cost is None:
            time.sleep(0.01)
    from trainfare.prices.shelf import read_text
    kept = {"logging", "csv", "gzip", "encodings.idna", "subprocess", "http.client"}
    print(sorted(kept & set(sys.modules)), read_text.cache_info().currsize)
    """
    env = {"TRAINFARE_METADATA_URL": "http://127.0.0.1:9"}
    assert in_child(code, home, env=env).stdout == "[] 0\n"


def test_the_promise_of_the_front_door_is_importable():
    for name in trainfare.__all__:
        assert getattr(trainfare, name) is not None


def test_a_loader_wrapped_once_is_walked_afresh_in_every_epoch():
    with trainfare.track(price="1") as run:
        loader = run.steps([1, 2, 3])
        seen = [list(loader) for _ in run.epochs(range(3))]
    assert seen == [[1, 2, 3]] * 3
    assert document(run)["steps"] == 9
    assert run.steps(iter([]))
    assert loader.count(2) == 1


def test_a_signal_handler_may_touch_the_run(home):
    code = """
    import signal, time, trainfare
    with trainfare.track("s", price="1") as run:
        signal.signal(signal.SIGALRM, lambda *_: (run.log(a=1), run.checkpoint(__file__)))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            run.log(loss=0.5)
        signal.setitimer(signal.ITIMER_REAL, 0)
    """
    script = home.parent / "s.py"
    script.write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (receipt,) = trainfare.runs()
    assert receipt.run.status.value == "finished"


class Odd:
    def __float__(self):
        raise RuntimeError("more than one element")

    def __str__(self):
        raise RuntimeError("cannot say")


def test_nothing_a_run_is_given_raises_into_the_training(home):
    with trainfare.track(123, price="1") as run:
        run.log(x=10**400, y=Odd(), **{"\udcff": 1})
        for odd in (None, 3, "\0", "s3://[x", "\udcff"):
            run.checkpoint(odd)
        for size in (-5, 1.5, float("nan"), "12"):
            run.checkpoint("s3://b/x", bytes=size)
        with run.stage("\udcff\n\x1b[2J"):
            pass
    receipt = document(run)
    assert receipt["status"] == "finished"
    assert all((a["bytes"] or 0) >= 0 for a in receipt["artifacts"])
    assert all(s["stage"].isprintable() for s in receipt["stages"])


def test_an_exception_that_cannot_be_told_is_still_the_users_own(home):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("cannot say")

    with pytest.raises(Mute):
        with trainfare.track(price="1") as run:
            raise Mute
    assert run.receipt().run.segments[0].error == "Mute"


def test_a_run_inside_a_run_of_another_id_gives_the_outer_one_back(home):
    with trainfare.track(run_id="outer", price="1") as outer:
        with trainfare.track(run_id="inner", price="1"):
            pass
        with trainfare.track() as again:
            assert again is outer
        assert os.environ["TRAINFARE_RUN_ID"] == "outer"
    assert "TRAINFARE_RUN_ID" not in os.environ


def test_runs_that_take_turns_in_one_thread_may_end_in_any_order(home):
    first, second = trainfare.track(run_id="r-1"), trainfare.track(run_id="r-2")
    first.finish()
    second.finish()
    assert "TRAINFARE_RUN_ID" not in os.environ
    with trainfare.track() as third:
        assert third.outer is None


def test_a_relative_home_stays_one_when_the_training_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRAINFARE_HOME", "rel")
    (tmp_path / "sub").mkdir()
    with trainfare.track(price="1") as run:
        os.chdir(tmp_path / "sub")
        run.log(a=1)
    assert document(run)["status"] == "finished"
    assert not (tmp_path / "sub" / "rel").exists()


def test_an_inherited_price_that_makes_no_sense_is_passed_over_with_a_warning(
    home, monkeypatch, caplog
):
    monkeypatch.setenv("TRAINFARE_PRICE", "lots")
    with trainfare.track() as run:
        pass
    assert document(run)["status"] == "finished"
    assert "TRAINFARE_PRICE is passed over" in caplog.text


def test_children_forked_while_the_meter_starts_can_import_anything(home):
    code = """
    import os, sys, time, trainfare
    with trainfare.track("f", price="1"):
        children = []
        for n in range(30):
            child = os.fork()
            if child == 0:
                import ctypes, csv, gzip, socket, logging
                os._exit(0)
            children.append(child)
            time.sleep(0.003)
        until = time.monotonic() + 20
        while children and time.monotonic() < until:
            children = [c for c in children if os.waitpid(c, os.WNOHANG)[0] == 0]
            time.sleep(0.01)
        print(len(children))
    """
    done = in_child(code, home)
    assert (done.stdout.strip(), done.stderr) == ("0", "")


def test_a_training_says_what_it_computes_and_the_last_word_counts(home):
    with trainfare.track(run_id="r-flops") as run:
        run.flops(per_step=1e15)
        run.flops(parameters=124_000_000, dtype="torch.bfloat16")
        for _ in run.steps(range(3), tokens=1000):
            pass
    (segment,) = run.receipt().run.segments
    assert segment.flops == Flops("token", Fraction(6 * 124_000_000), "bf16")
    found = run.receipt().to_json()["efficiency"]
    assert found["flops"] == 6 * 124_000_000 * 3000
    assert (found["mfu"], found["why"]) == (None, "the run holds no accelerator")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"per_step": "many"},
        {"per_step": float("nan")},
        {"per_step": float("inf")},
        {"per_token": -1},
        {"per_step": 1, "per_token": 1},
        {"parameters": object()},
    ],
)
def test_operations_that_make_no_sense_are_warned_of_and_never_raise(home, caplog, said):
    with trainfare.track(run_id="r-odd") as run:
        run.flops(**said)
    assert "is not one number of operations" in caplog.text
    assert run.receipt().run.segments[0].flops is None

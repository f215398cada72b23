"""Which run reads what another made: by name, place and time."""

from hypothesis import given
from hypothesis import strategies as st

from core.segments import SECOND, segment
from trainfare.core.attempts import make_run
from trainfare.core.dataset import Reading, find_outputs, places
from trainfare.core.period import Interval
from trainfare.core.run import Artifact

DATA = ((0, "data"),)


def held(role, uri, at, size=None, **more):
    return Artifact(role, uri, size, Interval(at * SECOND, 10**6 * SECOND), **more)


def run(name, *artifacts, start=0, seconds=10, stages=DATA):
    one = segment(start, seconds, run=name, stages=stages, artifacts=tuple(artifacts))
    return make_run(name, [one])


def links(*runs):
    """(Maker, name) → who reads it."""
    return {(o.run, o.uri): [r.run for r in o.readings] for o in find_outputs(runs)}


def test_a_bucket_is_the_last_place_and_no_scheme_is_one():
    assert list(places("s3://b")) == ["s3://b"]
    assert list(places("/")) == []


def test_the_same_name_is_a_reading_with_the_size_once():
    prep = run("prep", held("output", "s3://b/x/", 5, 70))
    train = run("t", held("dataset", "s3://b/x", 20, 70), start=20)
    (output,) = find_outputs([train, prep])
    assert output.readings == (Reading("t", 20 * SECOND, 70),)
    assert (output.run, output.bytes, output.is_data) == ("prep", 70, True)


def test_who_reads_the_whole_of_what_its_maker_weighed_reads_so_much():
    prep = run("prep", held("output", "s3://b/x", 5, 70))
    whole = run("t", held("dataset", "s3://b/x/", 20), start=20)
    bucket = run("u", held("dataset", "s3://b", 20), start=20)
    part = run("v", held("dataset", "s3://b/x/part-0", 20), start=20)
    (output,) = find_outputs([prep, whole, bucket, part])
    assert [one.bytes for one in output.readings] == [70, 70, None]


def test_a_place_inside_an_output_reads_the_nearest_of_them():
    whole = run("whole", held("output", "s3://b/x", 1))
    part = run("part", held("output", "s3://b/x/train", 1))
    train = run("t", held("dataset", "s3://b/x/train/0.bin", 20), start=20)
    assert links(whole, part, train) == {
        ("whole", "s3://b/x"): [],
        ("part", "s3://b/x/train"): ["t"],
    }


def test_a_folder_reads_every_output_in_it_and_none_beside_it():
    makers = [run(n, held("output", f"s3://b/{n}", 1)) for n in ("x", "y")]
    beside = run("z", held("output", "s3://b2/x", 1))
    train = run("t", held("dataset", "s3://b", 20), start=20)
    assert links(*makers, beside, train) == {
        ("x", "s3://b/x"): ["t"],
        ("y", "s3://b/y"): ["t"],
        ("z", "s3://b2/x"): [],
    }


def test_a_reader_has_the_version_that_stood_when_it_named_it():
    monday = run("monday", held("output", "s3://b/x", 5))
    tuesday = run("tuesday", held("output", "s3://b/x", 50), start=40)
    early = run("early", held("dataset", "s3://b/x", 20), start=20, seconds=100)
    late = run("late", held("dataset", "s3://b/x", 60), start=60)
    assert links(monday, tuesday, early, late) == {
        ("monday", "s3://b/x"): ["early"],
        ("tuesday", "s3://b/x"): ["late"],
    }


def test_a_reader_that_waits_for_the_first_version_has_it():
    prep = run("prep", held("output", "s3://b/x", 9))
    waiting = run("waiting", held("dataset", "s3://b/x", 2), seconds=30)
    gone = run("gone", held("dataset", "s3://b/x", 2), seconds=5)
    assert links(prep, waiting, gone) == {("prep", "s3://b/x"): ["waiting"]}


def test_a_run_does_not_read_itself():
    both = run("both", held("dataset", "s3://b/x", 2), held("output", "s3://b/x", 5))
    assert links(both) == {("both", "s3://b/x"): []}


def test_ranks_say_what_each_read_and_the_size_counts_once_for_all():
    prep = run("prep", held("output", "s3://b/x", 1, 100))

    def ranks(**said):
        segments = [
            segment(
                20,
                10,
                run="t",
                id=f"rank{n}",
                artifacts=(held("dataset", "s3://b/x", 20, 100, **said),),
            )
            for n in range(4)
        ]
        (output,) = find_outputs([prep, make_run("t", segments)])
        return output.readings[0].bytes

    assert ranks() == 100
    assert ranks(read_bytes=30) == 120


def test_the_last_word_on_what_was_read_counts():
    prep = run("prep", held("output", "s3://b/x", 1, 100))
    words = [held("dataset", "s3://b/x", at, 100, read_bytes=n) for at, n in ((20, 10), (25, 70))]
    (output,) = find_outputs([prep, run("t", *words, start=20)])
    assert output.readings == (Reading("t", 20 * SECOND, 70),)


def test_a_run_that_only_loads_data_for_a_while_is_no_data_run():
    train = run("t", held("output", "s3://b/x", 1), stages=((0, "setup"), (1, "data")))
    assert [one.is_data for one in find_outputs([train])] == [False]


@given(
    st.lists(st.tuples(*[st.sampled_from("abc"), st.integers(0, 9)] * 2), max_size=6), st.randoms()
)
def test_the_order_of_runs_changes_nothing(words, random):
    runs = [
        run(
            f"r{n}",
            held("output", f"s3://b/{made}", at, 7),
            held("dataset", f"s3://b/{read}", when),
        )
        for n, (made, at, read, when) in enumerate(words)
    ]
    assert find_outputs(random.sample(runs, len(runs))) == find_outputs(runs)

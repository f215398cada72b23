"""Bytes on disk are measured once, whatever links point at them."""

import os

from trainfare.metering.artifact import local_path, measure_bytes, normal_uri


def test_a_file_and_a_folder(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 10)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").write_bytes(b"x" * 5)
    assert measure_bytes(tmp_path / "a") == 10
    assert measure_bytes(tmp_path) == 15


def test_links_do_not_count_a_dataset_again(tmp_path):
    (tmp_path / "data").write_bytes(b"x" * 1000)
    folder = tmp_path / "run"
    folder.mkdir()
    os.symlink(tmp_path / "data", folder / "soft")
    os.link(tmp_path / "data", folder / "hard1")
    os.link(tmp_path / "data", folder / "hard2")
    os.symlink(folder, folder / "loop")
    assert measure_bytes(folder) == 1000


def test_what_is_not_here_has_no_size(tmp_path):
    assert measure_bytes(tmp_path / "none") is None
    assert measure_bytes("s3://bucket/key") is None


def test_a_local_artifact_has_one_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert normal_uri("x.pt") == normal_uri(f"file://{tmp_path}/x.pt") == str(tmp_path / "x.pt")
    assert normal_uri("gs://b/k") == "gs://b/k"
    assert local_path("hf://datasets/squad") is None

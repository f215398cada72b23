"""Packed files are unpacked within bounds, and damage is told in words."""

import gzip
import zipfile

import pytest

from billing.bills import write
from trainfare.billing.source import source_file
from trainfare.billing.unpack import open_bytes
from trainfare.core.errors import BadInput

TEXT = b"a,b\n" + b"1,2\n" * 5000


def unpacked(path):
    with open_bytes(source_file(path, path.name)) as stream:
        return stream.readall()


def zipped(folder, members, name="bill.csv.zip"):
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def test_gzip_of_several_members_is_one_text(tmp_path):
    path = write(tmp_path, gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]), "bill.csv.gz")
    assert unpacked(path) == TEXT


def test_a_zip_of_one_file_is_that_file(tmp_path):
    assert unpacked(zipped(tmp_path, {"../../etc/report-1.csv": TEXT})) == TEXT


def test_a_zip_of_several_files_is_refused(tmp_path):
    with pytest.raises(BadInput, match="holds 2 files; a zipped bill holds one CSV"):
        unpacked(zipped(tmp_path, {"a.csv": TEXT, "b.csv": TEXT}))


@pytest.mark.parametrize("keep", [5, 30, -4])
def test_a_cut_off_gzip_is_explained(tmp_path, keep):
    path = write(tmp_path, gzip.compress(TEXT)[:keep], "bill.csv.gz")
    with pytest.raises(BadInput, match="is cut off or damaged"):
        unpacked(path)


def test_a_gzip_with_flipped_bytes_is_explained(tmp_path):
    packed = bytearray(gzip.compress(bytes(range(256)) * 500))
    packed[200] ^= 0xFF
    with pytest.raises(BadInput, match="is cut off or damaged"):
        unpacked(write(tmp_path, packed, "bill.csv.gz"))


def test_what_only_calls_itself_packed_is_explained(tmp_path):
    with pytest.raises(BadInput, match="is cut off or damaged: Not a gzipped file"):
        unpacked(write(tmp_path, TEXT, "bill.csv.gz"))
    with pytest.raises(BadInput, match="is not a readable zip"):
        unpacked(write(tmp_path, TEXT, "bill.csv.zip"))


@pytest.mark.parametrize("packing", ["gz", "zip"])
def test_a_bomb_is_refused_before_it_has_unpacked(tmp_path, packing):
    block = b"0" * 2**20
    if packing == "gz":
        path = tmp_path / "bill.csv.gz"
        with gzip.open(path, "wb", compresslevel=9) as stream:
            for _ in range(300):
                stream.write(block)
    else:
        path = zipped(tmp_path, {"bill.csv": block * 300})
    assert path.stat().st_size < 2 * 2**20
    with open_bytes(source_file(path, path.name)) as stream, pytest.raises(BadInput) as caught:
        while stream.read(2**20):
            pass
    assert "unpacks to more than" in str(caught.value)
    assert "over 250 times its size" in str(caught.value)

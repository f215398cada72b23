"""The firmware tells whose machine it is, and that a laptop is nobody's."""

import pytest

from trainfare.metering.board import Board, read_board

AZURE = "7783-7084-3265-9085-8269-3286-77"

CLOUDS = [
    (Board("Amazon EC2", "p5.48xlarge", board_tag="i-0123456789abcdef0"), "aws"),
    (Board("Xen", "HVM domU", "4.11.amazon"), "aws"),
    (Board("Google", "Google Compute Engine"), "gcp"),
    (Board("Microsoft Corporation", "Virtual Machine", chassis_tag=AZURE), "azure"),
    (Board("QEMU", "Standard PC", chassis_tag="OracleCloud.com"), "oci"),
    (Board("Oracle Corporation", "ORACLE SERVER X9-2c", chassis_tag="OracleCloud.com"), "oci"),
]

NOT_OURS = [
    Board("QEMU", "Standard PC (Q35 + ICH9, 2009)"),
    Board("OpenStack Foundation", "OpenStack Nova"),
    Board("Microsoft Corporation", "Virtual Machine"),
    Board("Xen", "HVM domU", "4.13"),
    Board("Supermicro", "SYS-421GE", is_virtual=True),
    Board(),
]


@pytest.mark.parametrize(("board", "provider"), CLOUDS)
def test_each_cloud_is_known_by_its_firmware(board, provider):
    assert board.provider == provider
    assert not board.is_own_hardware


@pytest.mark.parametrize("board", NOT_OURS)
def test_an_unknown_virtual_machine_may_still_be_in_a_cloud(board):
    assert board.provider is None
    assert not board.is_own_hardware


@pytest.mark.parametrize(
    "board", [Board("LENOVO", "20XW"), Board("Dell Inc.", "PowerEdge"), Board("NVIDIA", "DGXA100")]
)
def test_a_named_maker_without_a_hypervisor_is_own_hardware(board):
    assert board.is_own_hardware


def test_only_amazon_boards_name_an_instance():
    nitro = CLOUDS[0][0]
    assert (nitro.instance_id, nitro.instance_type) == ("i-0123456789abcdef0", "p5.48xlarge")
    other = Board("LENOVO", "a.b", board_tag="i-0123456789abcdef0")
    assert (other.instance_id, other.instance_type) == (None, None)
    assert Board("Amazon EC2", "HVM domU", board_tag="Not Specified").instance_id is None


def test_the_words_are_read_from_the_root_and_missing_ones_are_empty(tmp_path):
    folder = tmp_path / "sys/class/dmi/id"
    folder.mkdir(parents=True)
    (folder / "sys_vendor").write_text("Google\n")
    assert read_board(tmp_path) == Board(vendor="Google")
    assert read_board(tmp_path / "nowhere") == Board()
    assert str(Board("Dell Inc.", "XPS")) == "Dell Inc. XPS"

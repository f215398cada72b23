"""What the machine counts, read from files that a test writes."""

from __future__ import annotations

from pathlib import Path

from trainfare.metering.host import HostSampler
from trainfare.metering.kernel import LinuxKernel
from trainfare.metering.processes import LinuxProcess, descends_from

HEAD = "Inter-|   Receive  |  Transmit\n face |bytes packets |bytes packets\n"


def stat_line(
    pid, *, name="python", parent=1, ticks=(1, 2, 3, 4), faults=(5, 6), pages=7, started=8
):
    fields = [
        "S",
        parent,
        *[0] * 5,
        faults[0],
        faults[1],
        0,
        0,
        *ticks,
        20,
        0,
        1,
        0,
        started,
        0,
        pages,
    ]
    return f"{pid} ({name}) {' '.join(map(str, fields))} 0 0\n"


def make_proc(root: Path, *, interfaces: dict[str, tuple[int, int]]) -> Path:
    proc = root / "proc"
    (proc / "42" / "net").mkdir(parents=True)
    (proc / "42" / "task").mkdir()
    (proc / "self").symlink_to("42")
    (proc / "42" / "stat").write_text(stat_line(42))
    write_interfaces(proc, interfaces)
    return proc


def write_interfaces(proc: Path, interfaces: dict[str, tuple[int, int]]) -> None:
    lines = [
        f"{name:>6}: {rx} {' 0' * 7} {tx} {' 0' * 7}\n" for name, (rx, tx) in interfaces.items()
    ]
    with (proc / "42" / "net" / "dev").open(
        "r+" if lines and (proc / "42/net/dev").exists() else "w"
    ) as f:
        f.write(HEAD + "".join(lines))
        f.truncate()


def make_cards(root: Path, *cards: str, masters: dict[str, str] | None = None) -> Path:
    net = root / "sys" / "class" / "net"
    net.mkdir(parents=True)
    for name in cards:
        (net / name / "device").mkdir(parents=True)
    for name, master in (masters or {}).items():
        (net / name).mkdir(exist_ok=True)
        (net / name / "master").symlink_to(f"../{master}")
    return root / "sys"


def sampler_of(root: Path, interfaces, *cards, masters=None) -> HostSampler:
    proc = make_proc(root, interfaces=interfaces)
    return HostSampler(proc=str(proc), sys=str(make_cards(root, *cards, masters=masters)))


def test_the_loopback_is_left_out(tmp_path):
    sampler = sampler_of(tmp_path, {"lo": (9, 9), "eth0": (10, 20)})
    assert sampler.network() == {"eth0": (10, 20)}
    reading = sampler.read()
    assert (reading.net_rx_bytes, reading.net_tx_bytes) == (10, 20)


def test_bytes_that_pass_a_bridge_and_a_card_count_once(tmp_path):
    """docker0 and a container's veth carry what the card carries; so do a bond and its cards."""
    interfaces = {"eth0": (100, 50), "docker0": (40, 20), "veth1": (40, 20), "bond0": (100, 50)}
    sampler = sampler_of(tmp_path, interfaces, "eth0", masters={"eth0": "bond0"})
    assert sampler.network() == interfaces
    assert sampler.read().net_rx_bytes == 100


def test_a_card_under_another_card_is_its_fast_path(tmp_path):
    """Azure's accelerated networking shows one adapter twice."""
    interfaces = {"eth0": (100, 50), "enP1s1": (90, 45)}
    sampler = sampler_of(tmp_path, interfaces, "eth0", "enP1s1", masters={"enP1s1": "eth0"})
    assert sampler.read().net_rx_bytes == 100


def test_in_a_container_without_cards_all_interfaces_count(tmp_path):
    sampler = sampler_of(tmp_path, {"eth0": (7, 5), "net1": (3, 1)})
    assert sampler.read().net_rx_bytes == 10


def test_an_interface_made_anew_does_not_turn_traffic_back(tmp_path):
    sampler = sampler_of(tmp_path, {"eth0": (1000, 500), "eth1": (1, 1)})
    assert sampler.read().net_rx_bytes == 1001
    write_interfaces(tmp_path / "proc", {"eth0": (30, 20), "eth1": (2, 1)})
    assert sampler.read().net_rx_bytes == 1032
    write_interfaces(tmp_path / "proc", {"eth0": (40, 20)})
    assert sampler.read()[4:6] == (1042, 521)


def test_a_list_longer_than_a_page_is_read_whole(tmp_path):
    interfaces = {f"veth{i:06}": (i, 2 * i) for i in range(3000)}
    proc = make_proc(tmp_path, interfaces=interfaces)
    kernel = LinuxKernel(42, proc=str(proc), sys=str(tmp_path))
    assert kernel.traffic() == interfaces
    kernel.close()
    assert kernel.traffic() is None


def test_a_damaged_file_is_unknown_not_an_error(tmp_path):
    sampler = sampler_of(tmp_path, {"eth0": (1, 1)})
    (tmp_path / "proc" / "42" / "net" / "dev").write_text(HEAD + "eth0: one two\n")
    (tmp_path / "proc" / "42" / "stat").write_text("42 (cut")
    reading = sampler.read()
    assert reading.net_rx_bytes is None
    assert sampler.network() == {}
    assert reading.processes == 0


def test_a_process_is_read_field_by_field(tmp_path):
    """The name may hold spaces and brackets; what follows the last bracket counts."""
    proc = make_proc(tmp_path, interfaces={})
    (proc / "42" / "stat").write_text(stat_line(42, name="a) b (c", ticks=(1, 2, 30, 40)))
    io = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 50\nwrite_bytes: 60\ncancelled_write_bytes: 7\n"
    (proc / "42" / "io").write_text(io)
    process = LinuxProcess(42, keep_open=True, proc=str(proc))
    tick = LinuxProcess.tick_ns
    facts = process.read()
    assert (facts.own_ns, facts.reaped_ns) == (3 * tick, 70 * tick)
    assert (facts.weight, facts.reaped_weight) == (11, 6)
    assert facts.rss_bytes == 7 * LinuxProcess.page_bytes
    assert (facts.read_bytes, facts.write_bytes) == (50, 53)
    process.close()
    assert process.read() is None


def test_without_a_descriptor_the_start_time_tells_a_process_from_its_successor(tmp_path):
    proc = make_proc(tmp_path, interfaces={})
    process = LinuxProcess(42, keep_open=False, proc=str(proc))
    assert process.read().read_bytes is None
    (proc / "42" / "stat").write_text(stat_line(42, started=9))
    assert process.read() is None


def test_children_are_found_where_the_kernel_keeps_no_lists_of_them(tmp_path):
    """CONFIG_PROC_CHILDREN may be off: then every process is asked for its parent."""
    proc = make_proc(tmp_path, interfaces={})
    (proc / "42" / "task" / "42").mkdir()
    (proc / "42" / "task" / "42" / "stat").write_text("")
    for pid, parent in ((50, 42), (51, 1), (52, 42)):
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "stat").write_text(stat_line(pid, parent=parent))
    process = LinuxProcess(42, keep_open=False, proc=str(proc))
    assert sorted(process.children()[0]) == [50, 52]
    (proc / "42" / "task" / "42" / "children").write_text("52 ")
    assert process.children() == ([52], 1)


def test_descent_is_told_up_to_the_first_unknown_parent(tmp_path):
    """The training may itself be process 1 of its container."""
    proc = make_proc(tmp_path, interfaces={})
    for pid, parent in ((1, 0), (50, 42), (51, 50), (60, 1), (70, 99)):
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "stat").write_text(stat_line(pid, parent=parent))
    related = {pid: descends_from(pid, 42, proc=str(proc)) for pid in (42, 50, 51, 60, 70, 99, 0)}
    assert related == {42: True, 50: True, 51: True, 60: False, 70: False, 99: False, 0: False}
    assert descends_from(60, 1, proc=str(proc))

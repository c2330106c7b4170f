import os
import signal
import socket
import subprocess
import sys
import threading
import time

from benchmarks import process_stats
from benchmarks.process_stats import Resources


def test_cpu_seconds_count_this_process_and_its_children():
    before_s = process_stats.cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", "sum(range(6_000_000))"], check=True)

    used_s = process_stats.cpu_seconds(os.getpid()) - before_s

    assert 0.02 < used_s < 20


def test_the_tree_has_living_children():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert process_stats.process_tree(os.getpid()).count(child.pid) == 1
        assert child.stdin is not None
        child.stdin.close()


def test_a_process_that_has_gone_counts_nothing():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()

    assert process_stats.rss_kib(child.pid) == 0
    assert process_stats.cpu_seconds(child.pid) == 0


def test_resources_show_sockets_with_their_ports_and_let_go_of_them():
    before = Resources.of(os.getpid())
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server(("127.0.0.1", 0)) as tcp,
    ):
        udp.bind(("127.0.0.1", 0))
        held = Resources.of(os.getpid())

        assert held.kinds["socket"] == before.kinds.get("socket", 0) + 2
        assert udp.getsockname()[1] in held.udp_ports
        assert tcp.getsockname()[1] in held.tcp_listening

    after = Resources.of(os.getpid())
    assert (after.descriptors, after.udp_ports) == (before.descriptors, before.udp_ports)


def test_resources_count_threads():
    before = Resources.of(os.getpid())
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    held = Resources.of(os.getpid())
    release.set()
    thread.join()

    assert held.threads == before.threads + 1


def test_handled_signals_are_told_from_deadly_ones():
    previous = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        assert process_stats.handles_signal(os.getpid(), signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, previous)
    assert not process_stats.handles_signal(os.getpid(), signal.SIGUSR2)


def test_peak_is_not_below_present_memory():
    assert process_stats.peak_rss_kib(os.getpid()) >= process_stats.rss_kib(os.getpid()) > 1000


def test_cpu_of_a_busy_loop_is_about_its_time():
    start_s, before_s = time.process_time(), process_stats.cpu_seconds(os.getpid())
    while time.process_time() - start_s < 0.2:
        pass

    assert abs(process_stats.cpu_seconds(os.getpid()) - before_s - 0.2) < 0.1

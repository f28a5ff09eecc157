"""A reader in another process gets every byte that is to be kept, once, and frees the memory of all others."""

import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.capture import anonymous
from runner.follow import Reader

MB = 1 << 20


@pytest.fixture
def file():
    descriptor = os.dup(anonymous("test"))
    os.set_inheritable(descriptor, True)
    yield descriptor
    os.close(descriptor)


def write(file, data):
    os.pwrite(file, data, os.fstat(file).st_size)


def held(file):
    return os.fstat(file).st_blocks * 512


def test_text_comes_line_by_line_and_the_rest_at_the_end(file):
    reader = Reader(file)
    assert reader.poll() == ""
    write(file, b"one\ntw")
    assert reader.poll() == "one\n"
    assert reader.poll() == ""
    write(file, b"o\nthree")
    assert reader.poll() == "two\n"
    assert reader.finish() == "three"
    assert reader.finish() == ""


def test_a_character_that_is_written_in_two_parts_is_whole(file):
    reader = Reader(file)
    texts = []
    for byte in "€🙂\n".encode():
        write(file, bytes([byte]))
        texts.append(reader.poll())
    assert "".join(texts) == "€🙂\n"


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("ab€\n\r", max_size=12), st.booleans(), st.booleans()), max_size=20))
def test_however_it_is_polled_every_run_gets_its_own_text(writes):
    """Each write, whether somebody polls after it, whether its run ends there."""
    file = os.memfd_create("test")
    plain, polled = Reader(file), Reader(file)
    try:
        ends, texts, text = [], [], ""
        for data, poll, end in writes:
            write(file, data.encode())
            if poll:
                text += polled.poll()
            if end:
                ends.append(polled.size())
                texts.append(text + polled.finish(ends[-1]))
                text = ""
        assert texts == [plain.finish(end) for end in ends]
    finally:
        os.close(file)


def test_a_run_can_be_followed_while_those_before_it_are_still_to_be_finished(file):
    reader = Reader(file)
    write(file, b"first\n")
    write(file, b"second\n")
    write(file, b"third\nnot rea")
    assert reader.poll(run=3, start=13) == "third\n"
    write(file, b"dy\nfourth\n")
    assert reader.poll(run=3, start=13, end=29) == "not ready\n"
    assert reader.poll(run=4, start=29) == "fourth\n"
    assert [reader.finish(6, run=1), reader.finish(13, run=2)] == ["first\n", "second\n"]
    assert [reader.finish(29, run=3), reader.finish(36, run=4)] == ["", ""]


def test_runs_that_wrote_nothing_take_nothing_from_the_one_that_did(file):
    reader = Reader(file)
    assert reader.poll(run=1, start=0) == ""
    write(file, b"second\n")
    assert reader.poll(run=2, start=0) == "second\n"
    assert [reader.finish(0, run=1), reader.finish(7, run=2)] == ["", ""]


def test_the_middle_of_a_long_output_is_left_out(file):
    lines = [f"{n:08d} {'x' * 90}\n" for n in range(100_000)]
    reader = Reader(file, head=MB, tail=MB)
    text = ""
    for n in range(0, len(lines), 1000):
        write(file, "".join(lines[n : n + 1000]).encode())
        text += reader.poll()
    assert len(text) <= MB + 4096
    text += reader.finish()
    whole = "".join(lines)
    head, marker, tail = text.partition("\n... ")
    count, _, tail = tail.partition(" bytes left out ...\n")
    assert marker
    assert len(tail) == MB
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert int(count.replace(",", "")) == len(whole) - len(head) - len("\n" * (len(head) % 100 == 99)) - MB
    assert "," in count


@pytest.mark.parametrize("size", [1, 2 * MB - 5000, 2 * MB])
def test_nothing_is_left_out_while_head_and_tail_are_enough(file, size):
    reader = Reader(file, head=MB, tail=MB)
    write(file, b"x" * size)
    text = reader.poll()
    write(file, b"\nend")
    assert text + reader.finish() == "x" * size + "\nend"


def test_the_tail_begins_with_a_whole_character(file):
    for shift in range(4):
        reader = Reader(file, head=10, tail=4001, start=os.fstat(file).st_size)
        write(file, b"x\n" * 5_000 + b"." * shift + "🙂".encode() * 2000)
        text = reader.finish()
        assert "\\x" not in text
        assert text.endswith("out ...\n" + "🙂" * 1000)


def test_a_bar_of_100_mb_is_one_line(file):
    reader = Reader(file)
    bar = b"".join(b"\r%6d/100000 [=====>     ] %s" % (n, b" " * 70) for n in range(10_000))
    text = ""
    for _ in range(100):
        write(file, bar)
        text += reader.poll()
        assert held(file) < 2 * MB + len(bar)
    write(file, b"\ndone\n")
    assert (text + reader.finish()).replace(" ", "") == "9999/100000[=====>]\ndone\n"


def test_200_mb_are_never_held(file):
    reader = Reader(file, head=2 * MB, tail=2 * MB)
    most = 0
    kept = 0
    for _ in range(200):
        write(file, b"x" * 99 + b"\n" + b"y" * (MB - 101) + b"\n")
        kept += len(reader.poll())
        most = max(most, held(file))
    assert os.fstat(file).st_size == 200 * MB
    assert kept <= 2 * MB + 4096
    assert most <= 4 * MB + MB
    kept += len(reader.finish())
    assert kept < 4 * MB + 5000
    assert held(file) <= MB


def test_a_process_that_prints_without_end_holds_what_it_wrote_since_somebody_looked(bench):
    b = bench(head=MB, tail=MB)
    with b.start(f"for _ in range(200): print('x' * {MB - 1})", stdin=subprocess.DEVNULL) as process:
        looked = 0
        while process.poll() is None:
            end = b.out.size()
            b.out.poll(end=end)
            now = b.blocks()
            assert now <= 2 * MB + MB + max(0, b.out.size() - end)
            looked += 1
    assert looked > 5
    text = b.out.finish()
    assert text.endswith("x" * (MB - 1) + "\n")
    assert "bytes left out" in text
    assert b.blocks() <= MB


def test_many_small_runs_hold_nothing(file):
    reader = Reader(file)
    for n in range(20_000):
        write(file, b"a line of a short run, %08d\n" % n * 10)
        assert reader.finish().startswith(f"a line of a short run, {n:08d}\n")
    assert os.fstat(file).st_size > 5 * MB
    assert held(file) < MB


def test_a_file_that_was_truncated_is_read_from_where_it_begins(file):
    reader = Reader(file)
    write(file, b"before\n")
    assert reader.poll() == "before\n"
    os.ftruncate(file, 0)
    write(file, b"new\n")
    assert reader.poll() == ""
    assert reader.finish() == "new\n"
    write(file, b"next\n")
    assert reader.finish() == "next\n"


def test_another_process_reads_what_this_one_writes(file):
    code = f"""
import sys
from runner.follow import Reader
reader = Reader({file})
for line in sys.stdin:
    print(repr(reader.poll() if line == "poll\\n" else reader.finish()), flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], pass_fds=[file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:

        def ask(what):
            other.stdin.write(what + "\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        write(file, b"one\ntwo")
        assert ask("poll") == repr("one\n")
        assert os.lseek(file, 0, os.SEEK_CUR) == 0
        write(file, b"\nthree")
        assert ask("poll") == repr("two\n")
        assert ask("finish") == repr("three")
        other.stdin.close()


def test_looking_costs_one_system_call_when_nothing_was_printed(file, tmp_path):
    code = f"""
import os
from runner.follow import Reader
readers = [Reader({file}) for _ in range(2)]
os.write({file}, b"text")
readers[1].poll()
os.write(2, b"")
for _ in range(10):
    os.getppid()
    readers[0].poll(end=4, start=4); readers[1].poll(); readers[0].finish(0)
os.write(2, b"")
"""
    log = tmp_path / "log"
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    subprocess.run(["strace", "-o", log, sys.executable, "-c", code], pass_fds=[file], check=True)
    calls = log.read_text().split('write(2, "", 0)')[1].splitlines()
    kinds = [line.split("(")[0] for line in calls if "(" in line and not line.startswith(("mmap", "munmap", "brk"))]
    assert [kind.replace("newfstatat", "fstat") for kind in kinds] == ["getppid", "fstat"] * 10

"""Everything that reaches the descriptors 1 and 2 is caught, and what a step does to them harms nobody but itself."""

import json
import os
import signal

import pytest

from runner.capture import Capture


def test_python_c_code_and_programs_are_caught_in_the_order_in_which_they_write(bench):
    b = bench()
    code = """
print("python")
libc.printf(b"printf\\n")
os.system("echo shell; echo to stderr >&2")
subprocess.run(["echo", "program"])
libc.write(1, b"write\\n", 6)
libc.puts(b"puts")
libc.perror(b"perror")
print("python again", file=sys.stderr)
os.write(1, "bytes €\\n".encode())
print("end")
"""
    assert b.run(code) == 0
    out, err = b.texts()
    assert out == "python\nprintf\nshell\nprogram\nwrite\nputs\nbytes €\nend\n"
    assert err.startswith("to stderr\nperror: ")
    assert err.endswith("\npython again\n")


def test_programs_that_write_at_the_same_time_do_not_overwrite_each_other(bench):
    b = bench()
    code = """
line = "import os\\nfor _ in range(2000): os.write(1, b'{}' * 40 + bytes([10]))"
children = [subprocess.Popen([sys.executable, "-c", line.format(name)]) for name in "abc"]
for _ in range(2000): print("d" * 40)
sys.exit(max(child.wait() for child in children))
"""
    assert b.run(code) == 0
    assert sorted(b.texts()[0].split()) == sorted(name * 40 for name in "abcd" for _ in range(2000))


def test_each_run_has_what_it_wrote_between_two_marks(bench, tmp_path):
    b = bench()
    code = """
marks = []
for n in range(5):
    print("out", n, end="")
    libc.printf(b"; c %d", n)
    if n % 2: print("err", n, file=sys.stderr)
    marks.append(capture.mark())
json.dump(marks, open(sys.argv[1], "w"))
"""
    assert b.run(code, tmp_path / "marks") == 0
    marks = json.loads((tmp_path / "marks").read_text())
    assert [b.out.finish(out) for out, _ in marks] == [f"out {n}; c {n}" for n in range(5)]
    assert [b.err.finish(err) for _, err in marks] == ["", "err 1\n", "", "err 3\n", ""]


@pytest.mark.parametrize(
    "mischief",
    [
        "os.close(1); os.close(2)",
        "null = os.open(os.devnull, os.O_RDWR); os.dup2(null, 1); os.dup2(null, 2)",
        "sys.stdout.close(); sys.stderr.close()",
        "sys.stdout = sys.stderr = None",
        "sys.stdout = sys.stderr = io.StringIO()",
        "sys.stdout = open(os.devnull, 'w'); sys.stderr = open(os.devnull, 'w')",
        "del sys.stdout",
        "os.closerange(3, 1000)",
    ],
)
def test_what_a_step_does_to_the_streams_ends_with_it(bench, mischief):
    b = bench()
    code = f"""
print("before")
capture.mark()
{mischief}
capture.mark()
print("after"); print("after", file=sys.stderr); os.system("echo program; echo program >&2")
capture.mark()
"""
    assert b.run(code) == 0
    out, err = b.texts()
    assert out == "before\nafter\nprogram\n"
    assert err.endswith("after\nprogram\n")


def test_files_that_take_the_place_of_what_a_step_has_closed_are_not_touched(bench, tmp_path):
    b = bench()
    code = """
print("before")
first = capture.mark()
os.closerange(0, 1000)
for n in range(20): assert os.open(sys.argv[1], os.O_RDWR | os.O_CREAT) == n
os.write(0, b"its own")
assert capture.mark() == first
os.write(19, b"IT")
"""
    assert b.run(code, tmp_path / "file") == 0
    assert b.texts()[0] == "before\n"
    assert (tmp_path / "file").read_bytes() == b"ITs own"


def test_a_program_that_opens_dev_stdout_loses_nothing_that_other_runs_wrote_later(bench, tmp_path):
    b = bench()
    code = """
print("first run " * 50); marks = [capture.mark()[0]]
os.system("echo lost; echo kept > /dev/stdout; echo and this"); marks.append(capture.mark()[0])
print("third run"); marks.append(capture.mark()[0])
json.dump(marks, open(sys.argv[1], "w"))
"""
    assert b.run(code, tmp_path / "marks") == 0
    texts = [b.out.finish(end) for end in json.loads((tmp_path / "marks").read_text())]
    assert texts[1:] == ["kept\nand this\n", "third run\n"]


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "ctypes.string_at(0)"])
def test_a_death_loses_no_line(bench, end):
    b = bench()
    assert b.run(f"print('python'); libc.printf(b'c code\\n'); {end}") not in (0, 1)
    assert b.texts()[0] == "python\nc code\n"


def test_a_writer_that_is_killed_in_the_middle_leaves_whole_lines(bench):
    b = bench()
    with b.start("n = 0\nwhile True: print(f'line {n:09d}'); n += 1") as process:
        text = ""
        while len(text) < 100_000:
            text += b.out.poll()
        os.kill(process.pid, signal.SIGKILL)
    text += b.out.finish()
    assert text == "".join(f"line {n:09d}\n" for n in range(len(text) // 15))


def test_text_that_no_encoding_has_can_be_printed_in_any_locale(bench):
    b = bench()
    latin = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    with b.start("print('\\u20ac \\ud800')", env={**os.environ, **latin}) as process:
        assert process.wait(60) == 0
    assert b.texts()[0] == "€ \\ud800\n"


def test_programs_inherit_no_descriptor_but_the_streams(bench):
    b = bench()
    assert b.run("os.system('for n in /proc/$$/fd/*; do readlink $n; done')") == 0
    assert sum("xrun-std" in line for line in b.texts()[0].splitlines()) == 2


# -- within a block of this process only -------------------------------------------------------------------------------------------


def test_only_what_is_written_meanwhile_is_caught(bench):
    b = bench()
    code = """
old = logging.StreamHandler(sys.stdout)
print("before", end="; ")
with capture.during():
    print("within")
    libc.printf(b"c\\n")
    os.system("echo program >&2")
    old.emit(logging.LogRecord("", 0, "", 0, "logged", None, None))
print("after")
"""
    assert b.shown(code) == "before; after\n"
    out, err = b.texts()
    assert sorted(out.split()) == ["c", "logged", "within"]
    assert err == "program\n"


def test_streams_that_do_not_end_at_the_descriptors_are_caught_too(bench):
    b = bench()
    code = """
sys.stdout = notebook = io.StringIO()
print("before")
with capture.during():
    print("within")
print("after")
assert sys.stdout is notebook
assert notebook.getvalue() == "before\\nafter\\n"
"""
    assert b.shown(code) == ""
    assert b.texts()[0] == "within\n"


@pytest.mark.parametrize(
    "mischief",
    [
        "sys.stdout.close(); sys.stderr.close()",
        "sys.stdout = None; sys.stderr = io.StringIO()",
        "null = os.open(os.devnull, os.O_RDWR); os.dup2(null, 1); os.dup2(null, 2)",
        "os.close(1); os.close(2)",
        "sys.__stdout__.close()",
        "raise KeyboardInterrupt",
    ],
)
def test_whatever_happens_meanwhile_the_streams_are_as_they_were(bench, mischief):
    b = bench()
    code = f"""
for _ in range(3):
    try:
        with capture.during():
            print("within")
            {mischief}
    except (KeyboardInterrupt, ValueError, OSError): pass
print("after", flush=True)
os.system("echo program >&2")
"""
    assert b.shown(code) == "after\nprogram\n"
    assert b.texts()[0] == "within\n" * 3


def test_a_step_that_closes_what_is_not_its_own_does_not_take_the_terminal_along(bench):
    b = bench()
    code = """
with capture.during():
    print("within")
    os.closerange(3, 500)
print("after")
"""
    assert b.shown(code) == "after\n"
    assert b.texts()[0] == "within\n"


def test_blocks_within_and_beside_each_other_leave_the_streams_alone(bench):
    b = bench()
    code = """
other = Capture()
entered, leave = threading.Event(), threading.Event()
def beside():
    with other.during():
        entered.set()
        leave.wait(30)
with capture.during():
    thread = threading.Thread(target=beside)
    thread.start()
    assert entered.wait(30)
    with other.during():
        print("within")
leave.set()
thread.join()
print("after")
assert other.mark() == (0, 0)
"""
    assert b.shown(code) == "after\n"
    assert b.texts()[0] == "within\n"


def test_a_block_leaves_nothing_open(bench):
    code = """
before = os.listdir("/proc/self/fd")
for _ in range(20):
    with capture.during():
        print("within")
assert len(os.listdir("/proc/self/fd")) == len(before)
"""
    assert bench().shown(code) == ""


def test_a_closed_stdout_is_closed_again(bench):
    b = bench()
    code = """
os.close(1)
with capture.during():
    print("within")
try:
    os.fstat(1)
except OSError:
    print("closed", file=sys.stderr)
"""
    assert b.shown(code) == "closed\n"
    assert b.texts()[0] == "within\n"


# -- the files -----------------------------------------------------------------------------------------------------------------------


def test_without_memory_files_a_file_without_a_name_does(monkeypatch, bench):
    monkeypatch.delattr(os, "memfd_create")
    b = bench()
    assert b.run("print('caught'); capture.mark(); print('too')") == 0
    assert b.texts()[0] == "caught\ntoo\n"


def test_a_capture_over_the_files_of_another_marks_where_they_are(bench):
    b = bench()
    os.write(b.capture.descriptors[1], b"12345")
    assert Capture(b.capture.descriptors).mark() == (0, 5)

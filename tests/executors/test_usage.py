"""What a process says of itself, whoever started it."""

import subprocess
import sys

import pytest

TELLS = """
from runner.usage import Peak, peak_memory
peak = Peak()
print(peak.bytes() >> 20, peak_memory() >> 20)
peak.reset()
hog = b"x" * (200 << 20)
print(peak.bytes() >> 20, peak_memory() >> 20)
del hog
peak.reset()
print(peak.bytes() >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a peak begins with the process")
@pytest.mark.parametrize("launcher", ["", "hog = b'x' * (500 << 20)\n"], ids=["small", "large"])
def test_the_peak_of_a_process_is_not_that_of_the_one_that_started_it(launcher):
    call = f"import subprocess, sys\n{launcher}print(subprocess.run([sys.executable, '-c', {TELLS!r}], check=True))"
    first, second, third = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True).stdout.splitlines()[:3]
    assert all(5 <= int(number) < 100 for number in first.split())
    assert all(200 <= int(number) < 300 for number in second.split())
    assert int(third) < 100

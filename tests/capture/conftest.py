"""A capture with readers on it, and processes that write into it as a worker does."""

import os
import subprocess
import sys

import pytest

from runner.capture import Capture
from runner.follow import Reader

START = """
import ctypes, io, json, logging, os, signal, subprocess, sys, threading
from runner.capture import Capture
libc = ctypes.CDLL(None)
capture = Capture(({}, {}))
"""


class Bench:
    """A capture and its readers."""

    def __init__(self, **limits):
        self.capture = Capture()
        self.out, self.err = (Reader(descriptor, **limits) for descriptor in self.capture.descriptors)

    def start(self, code, *arguments, redirect=True, **options):
        """A process that executes this, once it has redirected its output."""
        code = START.format(*self.capture.descriptors) + ("capture.redirect()\n" if redirect else "") + code
        options = {"env": dict(os.environ), **options}
        options["env"].pop("PYTHONUNBUFFERED", None)
        return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], pass_fds=self.capture.descriptors, **options)

    def run(self, code, *arguments):
        """The same, to its end: its exit code."""
        with self.start(code, *arguments) as process:
            return process.wait(60)

    def shown(self, code):
        """A process that executes this without redirecting its output: what reaches its terminal."""
        with self.start(code, redirect=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            text = process.communicate(timeout=60)[0].decode()
        assert process.returncode == 0, text
        return text

    def texts(self):
        """What it wrote to stdout and to stderr since the last time."""
        return self.out.finish(), self.err.finish()

    def blocks(self, which=0):
        """Bytes that a file really holds."""
        return os.fstat(self.capture.descriptors[which]).st_blocks * 512


@pytest.fixture
def bench():
    benches = []

    def make(**limits):
        benches.append(Bench(**limits))
        return benches[-1]

    yield make
    for made in benches:
        made.capture.close()

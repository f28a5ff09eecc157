"""Runs of a plan on their way to an executor: looked up, where the store may have them, and given a place to go on."""

from runner.waiting.queue import Waiting as Waiting

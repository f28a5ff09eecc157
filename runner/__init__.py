"""The experiment runner behind `xrun`."""

__version__ = "0.1.0"

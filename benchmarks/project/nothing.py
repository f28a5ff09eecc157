"""A step that does nothing, to measure what is around it."""


def nothing() -> None:
    """Do nothing."""

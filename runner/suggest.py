"""The nearest valid choice for a word that is not one."""

import difflib
from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that looks most like `word`, or None when none does."""
    matches = difflib.get_close_matches(str(word), list(choices), n=1, cutoff=0.6)
    if matches:
        return matches[0]
    lowered = {choice.lower(): choice for choice in choices}
    return lowered.get(str(word).lower())


def did_you_mean(word: str, choices: Iterable[str], what: str = "valid keys") -> str:
    """A hint: the nearest choice, or all of them."""
    known = list(choices)
    close = nearest(word, known)
    return f"did you mean `{close}`?" if close else f"{what}: {', '.join(known) or 'none'}"

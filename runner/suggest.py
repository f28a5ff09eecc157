"""The nearest valid choice for a word that is not one."""

from collections.abc import Iterable

MOST = 20
"""So many choices are listed."""
ALIKE = 0.61
"""How alike a choice must be to be meant, from 0 to 1: `momentum` and `optimizer.momentum` are 0.62, `nope` and `ignore` 0.6."""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that looks most like `word`, or None when none does."""
    known = list(choices)
    lowered = {choice.lower(): choice for choice in known}
    if (same := lowered.get(str(word).lower())) is not None:
        return same
    import difflib  # for errors only

    matches = difflib.get_close_matches(str(word), known, n=1, cutoff=ALIKE)
    return matches[0] if matches else None


def did_you_mean(word: str, choices: Iterable[str], what: str = "valid keys") -> str:
    """A hint: the nearest choice, or all of them."""
    known = list(choices)
    close = nearest(word, known)
    if close:
        return f"did you mean `{close}`?"
    more = f", and {len(known) - MOST} more" if len(known) > MOST else ""
    return f"{what}: {', '.join(known[:MOST]) or 'none'}{more}"

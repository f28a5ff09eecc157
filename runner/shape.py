"""JSON that anybody may have changed, read with a sentence for what is not as it must be."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_SHOWN: Final = 40


class ShapeError(ValueError):
    """A value of another shape; the text names its key path, what it is, and what was expected."""


def tree(content: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises ShapeError for what is none: other bytes, a lone surrogate, too deep a nesting."""
    try:
        text = content.decode()
        found = json.loads(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate is no character, and cannot be printed
    except UnicodeDecodeError:
        raise ShapeError("it is not UTF-8") from None
    except UnicodeEncodeError:
        raise ShapeError("it holds a lone surrogate, which is no character") from None
    except RecursionError:
        raise ShapeError("it is nested too deeply") from None
    except ValueError as error:
        raise ShapeError(f"it is not JSON: {error}") from None
    return found


@dataclass(frozen=True, slots=True)
class Part:
    """A value, and where it stands. What reads it raises ShapeError for another shape."""

    value: Any
    path: str = ""
    """The keys that lead to it, `table.columns.x`; "": the whole."""

    @property
    def there(self) -> bool:
        """Whether it is neither missing nor null."""
        return self.value is not None

    def wrong(self, expected: str) -> ShapeError:
        """That something else was expected."""
        place = f"`{self.path}` is" if self.path else "it is"
        return ShapeError(f"{place} {_shown(self.value)}, where {expected} is expected")

    def parts(self) -> dict[str, "Part"]:
        """Of a mapping, by name; none where it is missing."""
        if not isinstance(self.value if self.there else {}, Mapping):
            raise self.wrong("a mapping")
        return {name: Part(value, f"{self.path}.{name}" if self.path else name) for name, value in (self.value or {}).items()}

    def items(self) -> list["Part"]:
        """Of a list; none where it is missing."""
        if not isinstance(self.value if self.there else [], list):
            raise self.wrong("a list")
        return [Part(value, f"{self.path}[{n}]") for n, value in enumerate(self.value or ())]

    def get(self, name: str) -> "Part":
        """One of a mapping; with the value None where there is none of that name."""
        return self.parts().get(name) or Part(None, f"{self.path}.{name}" if self.path else name)

    def text(self, pattern: str = "", what: str = "a text") -> str:
        """A text, which matches `pattern` where there is one; `what` says how it is called."""
        if not isinstance(self.value, str) or (pattern and not re.fullmatch(pattern, self.value)):
            raise self.wrong(what)
        return self.value

    def texts(self) -> tuple[str, ...]:
        """A list of texts; none where it is missing."""
        if isinstance(self.value, list) and all(type(each) is str for each in self.value):  # at once: there may be a million
            return tuple(self.value)
        return tuple(each.text() for each in self.items())

    def named_texts(self) -> dict[str, str]:
        """A mapping of texts; none where it is missing."""
        return {name: each.text() for name, each in self.parts().items()}

    def whole(self, least: int = 0) -> int:
        """A whole number of at least `least`, and no more than 64 bits hold."""
        if type(self.value) is not int or not least <= self.value < 2**63:
            raise self.wrong(f"a whole number of at least {least}")
        return self.value

    def integer(self) -> int:
        """A whole number of any sign and size."""
        if type(self.value) is not int:
            raise self.wrong("a whole number")
        return self.value

    def number(self) -> float:
        """A number, and no NaN; an integer stays one."""
        if type(self.value) not in (int, float) or self.value != self.value:
            raise self.wrong("a number")
        found: float = self.value
        return found

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value


def _shown(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return ("a mapping" if isinstance(value, Mapping) else "a list") if value else ("{}" if isinstance(value, Mapping) else "[]")
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):  # a date, or more digits than Python writes
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."

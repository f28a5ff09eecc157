"""What a column holds, apart from how a library stores it."""

import re

_UNIT = re.compile(r"^(datetime64|timedelta64)\[\w+")
_TEXT = re.compile(r"^(str|string|large_string|arrow_string)(\[.*\])?$")


def kind(dtype: object) -> str:
    """One name for the types that differ in storage only, of pandas and of pandera.

    `int64` and `Int64` (which can hold null) are one kind, so are `bool` and `boolean`, the string types, and
    `datetime64` of any unit; time zones, widths and signs differ in kind.
    """
    text = str(dtype)
    if _TEXT.match(text):
        return "text"
    if text.startswith(("Int", "UInt", "Float")):
        return text.lower()
    return "bool" if text == "boolean" else _UNIT.sub(r"\1[", text)

"""The bytes that a process wrote, as the text that is worth keeping: what a terminal would still show."""

import codecs

LONGEST = 1 << 16
"""Characters of a line without end that are held back. More are handed out in pieces of this size; no carriage return takes those back."""


class Collapser:
    """Collapses one stream. However its bytes are split between the calls of `feed`, the text is the same.

    A carriage return starts the line again, as on a terminal: of a progress bar only its last state is kept, and its earlier ones take no
    memory. Bytes are UTF-8; what is not becomes backslash escapes. NUL characters are dropped.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._line = ""
        """What the line without end shows."""
        self._returned = False
        """The line's next character starts it again."""

    def feed(self, data: bytes) -> str:
        """The lines, each with its newline, that these bytes complete, and pieces of lines that are too long to wait for their end."""
        text = self._decoder.decode(data).replace("\0", "")
        kept: list[str] = []
        if "\r" not in text and not self._returned:
            complete, newline, text = text.rpartition("\n")
            if newline:
                kept += (self._line, complete, newline)
                self._line = ""
        else:
            *lines, text = text.split("\n")
            for line in lines:
                self._write(line, kept)
                kept += (self._line, "\n")
                self._line, self._returned = "", False
        self._write(text, kept)
        return "".join(kept)

    def finish(self) -> str:
        """What the line without end shows; it has no newline. Afterwards the collapser is as new."""
        kept: list[str] = []
        self._write(self._decoder.decode(b"", final=True), kept)
        self._decoder.reset()
        kept.append(self._line)
        self._line, self._returned = "", False
        return "".join(kept)

    def _write(self, text: str, kept: list[str]) -> None:
        """Text without a newline comes onto the line; what the line cannot hold goes to `kept`."""
        if len(self._line) + len(text) <= LONGEST:  # no piece is handed out on the way, so that only the last state matters
            shown = text.rstrip("\r")
            if shown:
                _, returned, last = shown.rpartition("\r")
                self._line = last if returned or self._returned else self._line + shown
            self._returned = len(shown) < len(text) or (self._returned and not shown)
            return
        for number, part in enumerate(text.split("\r")):
            self._returned = self._returned or number > 0
            if not part:
                continue
            self._line = part if self._returned else self._line + part
            self._returned = False
            if len(self._line) > LONGEST:
                cut = (len(self._line) - 1) // LONGEST * LONGEST
                kept.append(self._line[:cut])
                self._line = self._line[cut:]

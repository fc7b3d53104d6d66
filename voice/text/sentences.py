"""Cut text into sentences that can be spoken one after another."""

import re

LONGEST = 280  # characters; a short sentence is heard soon, and interrupting it loses little

# A sentence ends after its punctuation (with closing quotes or brackets) before white space, after the
# full-width marks, which need none, and at a line break. "3.5", "e.g. x" and "Dr. Who" do not end one.
CLOSING, OPENING = "\\\"'\u201d\u2019)\\]", "\\\"'\u201c\u2018(\\["
FULL_WIDTH = "\u3002\uff01\uff1f"
_END = re.compile(rf"(?<=[.!?\u2026])[{CLOSING}]*\s+(?=[{OPENING}]*[^\sa-z])|(?<=[{FULL_WIDTH}])\s*|\s*\n\s*")
_TITLE = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e)|\b[A-Z])\.$")


def split_sentences(text: str, longest: int = LONGEST) -> list[str]:
    """Split `text` into sentences, each with the white space that follows it: joined they are `text` again.

    A sentence above `longest` characters is cut at a comma or space.
    """
    pieces: list[str] = []
    start = 0
    for match in _END.finditer(text):
        if match.end() > start and not _TITLE.search(text[start : match.start()]):
            pieces.append(text[start : match.end()])
            start = match.end()
    pieces.append(text[start:])
    return [part for piece in pieces if piece.strip() for part in _cut(piece, longest)]


def _cut(sentence: str, longest: int) -> list[str]:
    parts = []
    while len(sentence) > longest:
        window = sentence[:longest]
        at = max(window.rfind(", "), window.rfind("; "), window.rfind("\uff0c")) + 2
        if at < longest // 2:
            at = window.rfind(" ") + 1 or longest
        parts.append(sentence[:at])
        sentence = sentence[at:]
    return [*parts, sentence]


class SentenceStream:
    """Splits a text that arrives in pieces. Hands over each sentence as soon as it is complete."""

    def __init__(self, shortest: int) -> None:
        """The first piece has at least `shortest` characters, if the text has: "Oh. Well, yes." is then one."""
        self._shortest = shortest
        self._pending = ""

    def feed(self, text: str) -> list[str]:
        """Take more of the text. Returns the sentences that can be spoken now."""
        self._pending += text
        pieces = self._pieces()
        self._pending = pieces.pop() if pieces else self._pending
        if pieces:
            self._shortest = 0
        return pieces

    def rest(self) -> list[str]:
        """End the text. Returns the sentences that are left."""
        pieces, self._pending = self._pieces(), ""
        return pieces

    def _pieces(self) -> list[str]:
        pieces = split_sentences(self._pending)
        while len(pieces) > 1 and len(pieces[0].strip()) < self._shortest:
            pieces[:2] = ["".join(pieces[:2])]
        return pieces

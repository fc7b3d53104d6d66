"""Text normalisation: written English as spoken words, without punctuation, digits and capitals."""

import re

# fmt: off
_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
# fmt: on
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def spoken_words(text: str) -> list[str]:
    """Split `text` into spoken words in lower case. Numbers are spelled out: "12" is twelve."""
    text = _NUMBER.sub(lambda number: f" {spell_number(number[0])} ", text.replace("\u2019", "'"))
    return [word for word in _WORD.findall(text.lower()) if word.replace("'", "").isalpha()]


def spell_number(digits: str) -> str:
    """Spell out a number: "42" is "forty two". Above six digits, or after a leading zero, spell each digit."""
    if len(digits) > 6 or (digits[0] == "0" and len(digits) > 1):
        return " ".join(_ONES[int(digit)] for digit in digits)
    return _below_a_million(int(digits))


def _below_a_million(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, rest = _TENS[number // 10 - 2], number % 10
        return f"{tens} {_ONES[rest]}" if rest else tens
    size, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    head, rest = divmod(number, size)
    return f"{_below_a_million(head)} {name}" + (f" {_below_a_million(rest)}" if rest else "")

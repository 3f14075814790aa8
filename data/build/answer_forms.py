"""The ways people write a value: digits or words, with or without a unit, in other units of time."""
from __future__ import annotations

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
WORDS = dict(zip("one two three four five six seven eight nine ten".split(), map(str, range(1, 11)), strict=True))


def common_forms(value: str) -> list[str]:
    """The value and other ways to write it: 1,000 → 1000, 300 seconds → 5 minutes, seven → 7.

    >>> common_forms("300 seconds")
    ['300 seconds', '300', '5 minutes']
    """
    forms = [value, value.replace(",", "")]
    words = value.lower().replace(",", "").replace("-", " ").split()
    if words and words[0] in WORDS:
        words[0] = WORDS[words[0]]
        forms.append(" ".join(words))
    if len(words) == 2 and words[0].isdigit():
        forms.append(words[0])
        seconds = int(words[0]) * UNITS.get(words[1].rstrip("s"), 0)
        for unit, length in UNITS.items():
            count, rest = divmod(seconds, length)
            if seconds and not rest and 1 <= count < 1000:
                forms.append(f"{count} {unit}{'s' * (count != 1)}")
    return list(dict.fromkeys(forms))

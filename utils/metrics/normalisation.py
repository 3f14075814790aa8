"""The one normalisation of answers: a text becomes tokens, and two texts agree where their tokens do.

A number is one token, however written; a unit, currency or percent sign beside it another; all else lower-case words.
`utils/README.md` lists the rules, each with an answer that counts and one that does not.
"""
from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import regex

from . import units

ARTICLES = frozenset(("a", "an", "the"))
BETWEEN = frozenset(("to", "through", "thru", "until", "bis", "à", "hasta", "до"))  # words between the two ends of a range
SIGNS = str.maketrans({**dict.fromkeys("‘’‚‛′`´ʼ", "'"), **dict.fromkeys("“”„‟″«»‹›「」『』", '"'),
                       **dict.fromkeys("‐‑‒–—―−", "-"), **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff"),
                       "≤": "<=", "≥": ">=", "≠": "!=", "…": " "})
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
# Scripts without spaces, and Korean, which joins particles to words: each character is a token, but a Chinese numeral is one.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Hangul}"
LETTER = rf"(?![{UNSPACED}])[\p{{L}}\p{{M}}]"
GROUPS = r"[1-9]\d{0,2}(?:\.\d{3}){2,}(?!\.?\d)"  # 1.234.567 is a number, 2.7.18 a version
NUMBER = r"(?>\d{1,3}(?:[ '_]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*|(?<![\w.])\.\d+)"
MINUS = r"(?:(?<![\w)])-(?=[\d.]))"  # a dash and a space before a number is a bullet
SCAN = rf"""
  (?P<time>\d+(?:[-/]\d+){{2,}}(?!\w) | \d+(?:[:/]\d+)+(?!\w))
| (?P<version>(?!{GROUPS})[vV]?\d+(?:\.\d+){{2,}}(?!\w) | [vV]\d+(?:\.\d+)+(?!\w))
| (?P<currency>(?<![\w)])-?(?:[A-Z]{{1,2}})?\p{{Sc}} | \b(?:{'|'.join(units.CURRENCIES)}))(?=\s?-?[\d.])
| (?P<power>(?P<factor>{MINUS}?{NUMBER}\s?[x×*·⋅]\s?)?(?<![\w.])(?P<base>\d+)\s?(?:\^|\*\*)\s?(?P<exponent>[-+]?\d+)(?!\w))
| (?P<number>(?P<sign>{MINUS}|(?<!\w)[Mm]inus\s(?=[\d.]))?(?P<digits>{NUMBER})(?P<e>[eE][-+]?\d+(?!\w))?(?!{LETTER}))
| (?P<glued>(?P<minus>{MINUS})?(?P<amount>{NUMBER})(?P<suffix>(?:{LETTER})+[²³]?)(?![\p{{L}}\d]|-\p{{L}}))
| (?P<numerals>[〇零一二三四五六七八九十百千万萬億亿两兩]+)
| (?P<character>[{UNSPACED}]\p{{M}}*)
| (?P<acronym>(?<!\w)(?:\p{{L}}\.){{2,}}(?:\p{{L}}(?!\w))?)
| (?P<glob>\*\.\w+)
| (?P<word>(?:{LETTER}|\d)(?:{LETTER}|\d|-(?=[\p{{L}}\d])|(?<=\d)\.(?=\d))*
    (?:\+\+|[+\#](?![\p{{L}}\d])|(?<=(?<!\w)\p{{L}})-(?!\S))?)
| (?P<symbols>(?<=[\s"'(]|^)[^\w\s"'(),;:?!.\-/\[\]{{}}]+(?=[\s"'),.;:?!]|$)
    | (?<=\w)\+(?=\w) | [<>=!]= | [<>](?=\s?[\d.]) | [%&=])
| (?P<rest>\S)
"""
AFTER = r"[ -]?((?:[^\s\d,.;:!?()\[\]\"'-]+)(?:[ -][^\s\d,.;:!?()\[\]\"'-]+){0,3})"


class Token(NamedTuple):
    """One unit of comparison. `value`: its canonical form; `raw`: as written, in lower case; `start`, `end`: its place."""

    value: str
    raw: str
    kind: str
    start: int
    end: int

    def agrees(self, other: Token) -> bool:
        """True if both stand for the same."""
        return self.value == other.value or self.raw == other.raw


@functools.lru_cache(maxsize=8192)
def answer_tokens(text: str, ranges: bool = True) -> tuple[Token, ...]:
    """Tokens of a text; of one without words, the text itself (`**`). ranges: the two ends of a range are one token."""
    text = _plain(text)
    tokens = _with_ranges(_scan(text), text) if ranges else _scan(text)
    if not tokens:
        bare = text.strip(" \"'") or text
        return (Token(bare, bare, "symbols", 0, len(text)),) if bare else ()
    return tuple(token for i, token in enumerate(tokens) if not _is_article(tokens, i, text))


def normalise(text: str) -> str:
    """The tokens' values, separated by spaces.

    >>> normalise("The maximum is 1,024 bytes.")
    'maximum is 1024 byte'
    """
    return " ".join(token.value for token in answer_tokens(text))


def _plain(text: str) -> str:
    """Plain quotes, dashes, spaces and digits; accents composed; a superscript after a number as a power."""
    text = units.fold(text).translate(SIGNS)
    text = re.sub(r"(?<=\d)[⁰¹²³⁴-⁹⁻⁺]+", lambda power: "^" + power[0].translate(SUPERSCRIPTS), text)
    return " ".join("".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text).split())


def _scan(text: str) -> list[Token]:
    tokens: list[Token] = []
    currency, position = "", 0
    while match := regex.search(SCAN, text, regex.VERBOSE | regex.VERSION1, position):
        found = match.groupdict()
        position = match.end()
        if found["currency"]:
            currency = match[0]
            continue
        new = []
        if found["number"] or found["power"] or found["glued"]:
            new, position = _quantity(found, text, match.start(), position, currency)
        if not new and not found["rest"]:
            raw = match[0].lower()
            value = raw.replace(".", "") if found["acronym"] else raw.lstrip("v") if found["version"] else raw
            new = [Token("and" if raw == "&" else value, raw, "word", match.start(), position)]
        tokens += new
        currency = ""
    return tokens


def _quantity(found: dict, text: str, start: int, end: int, currency: str) -> tuple[list[Token], int]:
    """Tokens of a number with its scale and unit, and where they end; no tokens if letters after it name no unit (`5xx`)."""
    unit, scale, suffix = units.find_unit(currency.strip("-")) or currency.strip("-"), 0, found["suffix"] or ""
    if suffix:
        scale = {**units.GLUED_SCALES, "m": 6, "b": 9}.get(suffix, 0) if currency else units.GLUED_SCALES.get(suffix, 0)
        unit = unit if scale else None if _is_no_unit(found["amount"], suffix) else units.find_unit(suffix)
        if not unit and not scale:
            return [], end
        marks = [(end - len(suffix), end)] if not scale else []
    else:
        end, scale = _name_after(text, end, lambda words: units.scale_names().get(words.lower())) or (end, 0)
        after = None if unit else _name_after(text, end, units.find_unit)
        marks = [(end, after[0])] if after else []
        end, unit = after or (end, unit)
    amount_end = marks[0][0] if marks else end
    negative = "-" * bool(found["sign"] or found["minus"] or currency.startswith("-"))
    power, e = found["exponent"], found["e"] or ""
    values = number_values(found["digits"] or found["amount"] or re.split(r"[x×*·⋅]", found["factor"] or "1")[0].strip())
    if len(power or e) > 4 or not all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in values):
        return [], end  # too large to be written out, or no number after all
    if scale or unit or power or e:
        factor = Decimal(found["base"]) ** int(power) if power and found["base"].strip("0") else 1
        values[-1] = _trimmed(Decimal(values[-1] + e).scaleb(scale) * factor)
    tokens = [Token(negative * (not i) + value, text[start:amount_end].strip().lower(), "number", start, amount_end)
              for i, value in enumerate(values)]
    if unit:
        where = marks[0] if marks else (start, start)
        tokens.append(Token(unit, (text[slice(*where)] or currency.strip("-")).strip(" -").lower(), "unit", *where))
    return tokens, end


def _is_no_unit(amount: str, suffix: str) -> bool:
    """True for the end of an ordinal (1st) or of a decade (1950s)."""
    return suffix in ("st", "nd", "rd", "th") or (suffix == "s" and bool(re.fullmatch(r"[12]\d\d0", amount)))


def _name_after(text: str, position: int, find) -> tuple[int, object] | None:
    """The longest name that `find` knows directly after a position: where it ends and what it is."""
    if not (match := re.compile(AFTER).match(text, position)):
        return None
    ends = [m.start() for m in re.finditer(r"[ -]|$", match[1])][: units.LONGEST]
    return next(((match.start(1) + n, known) for n in reversed(ends) if (known := find(match[1][:n]))), None)


def number_values(written: str) -> list[str]:
    """A number without separators of groups and with a decimal point; several if the commas separate a list.

    >>> number_values("1,024"), number_values("1.250,75"), number_values("3,5"), number_values("1,2,3")
    (['1024'], ['1250.75'], ['3.5'], ['1', '2', '3'])
    """
    plain = re.sub(r"[ '_]", "", written)
    marks = re.sub(r"\d", "", plain)
    if re.fullmatch(r"[1-9]\d*(,\d{2,3})*,\d{3}(\.\d+)?", plain) and len(plain.split(",")[0]) <= 3:
        return [plain.replace(",", "")]
    if re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+,\d+|[1-9]\d{0,2}(\.\d{3}){2,}", plain):
        return [plain.replace(".", "").replace(",", ".")]
    if marks == ",":
        return [plain.replace(",", ".")]
    return [f"0{part}" if part.startswith(".") else part for part in plain.split(",")]


def _trimmed(value: Decimal) -> str:
    """A quantity without an exponent or trailing zeros, so that 1.50 kg is 1.5 kg; a bare 1.10 stays apart from 1.1."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _with_ranges(tokens: Sequence[Token], text: str) -> list[Token]:
    """Two ascending numbers joined by a dash or a word such as "to" as one token; both may carry the same unit."""
    merged: list[Token] = []
    rest = list(tokens)
    while rest:
        first = rest.pop(0)
        after = rest[1:] if rest and rest[0].kind == "unit" and first.kind == "number" else rest
        before = merged[-1].value if merged else ""
        joined = bool(after) and (after[0].value in BETWEEN or (before == "between" and after[0].value == "and"))
        second = after[joined] if len(after) > joined else None
        unit_agrees = after is rest or (len(after) > joined + 1 and after[joined + 1].value == rest[0].value)
        gap = text[(rest[0] if after is not rest else first).end : second.start].strip() if second else ""
        if (second and first.kind == second.kind == "number" and unit_agrees and (joined or gap == "-")
                and Decimal(first.value) < Decimal(second.value)):
            if merged and joined and before in ("from", "between"):
                merged.pop()
            value, end = f"{first.value}..{second.value}", second.end
            first = Token(value, text[first.start : end].lower(), "range", first.start, end)
            rest = after[joined + 1 :]
        merged.append(first)
    return merged


def _is_article(tokens: Sequence[Token], i: int, text: str) -> bool:
    """True for an article before another word; the A of "vitamin A" or "type A plug" and an article alone are none."""
    token = tokens[i]
    if token.value not in ARTICLES or i + 1 == len(tokens) or not text[token.end : token.end + 1].isspace():
        return False
    return i == 0 or text[token.start : token.end] != "A" or text.isupper()

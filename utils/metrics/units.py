"""Names of units, currencies and large numbers in twenty languages, from the Unicode CLDR (package babel)."""
from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping

LANGUAGES = "en de fr es it pt nl sv da nb fi pl cs tr ru uk el zh ja ko".split()
CURRENCIES = "USD EUR GBP JPY CNY CHF INR KRW RUB SEK NOK DKK PLN CZK TRY BRL AUD CAD".split()
LONGEST = 4  # words in a name, as in "pound-force per square inch"
# Common spellings that CLDR lacks or gives several meanings. A pound, mass or currency, gets one name, so that £5 is "5 pounds".
EXTRAS = {name: unit for unit, names in {
    "day": "d", "hour": "h hr hrs", "minute": "min mins", "second": "s sec secs", "millisecond": "ms msec",
    "microsecond": "us µs", "week": "wk wks", "year": "yr yrs", "meter": "m", "kilometer": "km", "gram": "g",
    "kilogram": "kg kilo kilos", "liter": "l L litre litres", "milliliter": "ml mL", "byte": "B", "kilobyte": "KB kB kb",
    "megabyte": "MB mb", "gigabyte": "GB gb", "terabyte": "TB tb", "kibibyte": "KiB kibibytes",
    "mebibyte": "MiB mebibytes", "gibibyte": "GiB gibibytes", "tebibyte": "TiB tebibytes", "kilometer-per-hour": "kph kmh",
    "celsius": "degC", "percent": "% pct", "pixel": "px", "degree": "°", "USD": "$ US$ dollar dollars",
    "EUR": "€ euro euros", "pound": "£ GBP pound pounds lb lbs", "JPY": "¥ yen 円", "INR": "₹", "KRW": "₩",
    "RUB": "₽ руб рубль рубля рублей", "CNY": "元", "cent": "cent cents ¢"}.items() for name in names.split()}
EXTRAS |= {"degrees C": "celsius", "degrees F": "fahrenheit", "per cent": "percent", "pounds sterling": "pound"}
GLUED_SCALES = {"k": 3, "K": 3, "bn": 9, "mn": 6, "M": 6}  # directly after a number: 10k, $5M, €3bn


def fold(text: str) -> str:
    """Compatibility characters in their plain form (ﬁ, full-width, no-break spaces), but for superscripts and fractions."""
    kept = ("<super>", "<fraction>")
    text = "".join(c if unicodedata.decomposition(c).startswith(kept) else unicodedata.normalize("NFKC", c) for c in text)
    return unicodedata.normalize("NFC", text)


@functools.cache
def unit_names() -> Mapping[str, str]:
    """Name or symbol → unit or currency code; a name of several units is left out, and so are single letters but English ones."""
    names: dict[str, set[str]] = {}
    for locale in _locales():
        for unit, lengths in locale._data["unit_patterns"].items():
            for text in (text for length in ("long", "short") for text in _texts(lengths.get(length, {}))):
                if len(text) > 1 or locale.language in ("en", "zh", "ja"):
                    names.setdefault(text, set()).add(unit.partition("-")[2])
        for code in CURRENCIES:
            plurals = _texts(locale._data.get("currency_names_plural", {}).get(code, {}))
            for text in [*plurals, locale.currencies.get(code, ""), code]:
                names.setdefault(text, set()).add("pound" if code == "GBP" else code)
    single = {name: next(iter(units)) for name, units in names.items() if name not in ("", "an", "in") and len(units) == 1}
    return single | {fold(name): unit for name, unit in EXTRAS.items()}


@functools.cache
def _lower_names() -> Mapping[str, str]:
    """Names in lower case, without symbols whose case tells units apart (mW and MW)."""
    units: dict[str, set[str]] = {}
    for name, unit in unit_names().items():
        units.setdefault(name.lower(), set()).add(unit)
    return {name: next(iter(found)) for name, found in units.items() if len(found) == 1 and len(name) > 2}


def find_unit(words: str) -> str | None:
    """The unit or currency that a text names, or None. Letter case decides where it matters: `d` is a day, `D` is none."""
    return unit_names().get(words) or _lower_names().get(words.lower())


@functools.cache
def scale_names() -> Mapping[str, int]:
    """Name of a large number in lower case → its power of ten, 6 for "million". English goes first where languages disagree."""
    names = {"thousands": 3, "millions": 6, "billions": 9, "trillions": 12, "万": 4, "萬": 4, "億": 8, "亿": 8}
    for locale in _locales():
        for forms in locale._data["compact_decimal_formats"].get("long", {}).values():
            for size, pattern in forms.items():
                word = re.sub(r"[0#,.\s']+", " ", fold(pattern.pattern)).strip().lower()
                if len(word) > 1:
                    names.setdefault(word, len(size) - max(1, pattern.pattern.count("0")))
    return names


def _locales() -> Iterator:
    from babel import Locale

    return map(Locale, LANGUAGES)


def _texts(forms: Mapping) -> Iterator[str]:
    """The words of CLDR's patterns, such as "{0} hours", without the placeholder."""
    for pattern in forms.values():
        if isinstance(pattern, str) and "{1}" not in pattern:
            yield " ".join(fold(pattern.replace("{0}", "")).split())

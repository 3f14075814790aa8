"""Bytes to text: the declared or detected encoding, and characters that no text should hold."""
from __future__ import annotations

import codecs
import re
import unicodedata

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
         codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # UTF-32 before UTF-16, whose mark begins the same way
DECLARED = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w:.-]+)|^\s*<\?xml[^>]+encoding\s*=\s*["']([\w:.-]+)""", re.I)
# What pages declare and what browsers read instead (WHATWG, Encoding); the rest have the names that Python knows.
BROWSERS = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "us-ascii": "windows-1252", "ascii": "windows-1252",
            "iso-8859-9": "windows-1254", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "x-sjis": "cp932",
            "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "tis-620": "cp874", "windows-874": "cp874", "x-mac-roman": "mac_roman"}
# Encodings that folders of documents come in; among all that exist, detection finds exotic ones in short texts.
LIKELY = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "iso8859_2", "utf_16_le", "utf_16_be",
          "cp932", "euc_jp", "gb18030", "big5", "cp949", "mac_roman", "cp850", "cp866"]
BINARY = (b"PK\3\4", b"%PDF-", b"\x89PNG", b"\x7fELF", b"GIF8", b"\xff\xd8\xff", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
MISREAD = re.compile("[\uff61-\uff9f]|[가-힣][一-鿿]|[一-鿿][가-힣]")  # Cyrillic read as Japanese, Chinese read as Korean
WINDOWS = {code: char for code in range(0x80, 0xA0) if (char := bytes([code]).decode("cp1252", "ignore")) and code != 0x85}


def decode(raw: bytes, page: bool = False) -> tuple[str, str]:
    """Text and the name of its encoding: by its mark, as a page declares, UTF-8, else detected.

    page: look for a declaration of HTML or XML. Raises ValueError for bytes that are no text.
    """
    if raw.startswith(BINARY):
        raise ValueError("it is a binary file despite its extension")
    for mark, name in MARKS.items():
        if raw.startswith(mark):
            return raw.decode(name, "replace"), name.removesuffix("-sig")
    found = DECLARED.search(raw[:4096]) if page else None
    declared = (found[1] or found[2]).decode("ascii").lower() if found else ""
    declared = BROWSERS.get(declared, declared)
    try:
        text = raw.decode("utf-8")
        # Saved pages often keep a declaration that is no longer true; other encodings hardly ever look like UTF-8.
        if "\0" not in text and not (raw.isascii() and declared.startswith(("iso-2022", "hz"))):
            return text, "utf-8"
    except UnicodeDecodeError:
        text = ""
    try:
        if declared and not declared.startswith("utf"):
            return raw.decode(declared, "replace"), declared
    except LookupError:
        pass
    name = _detected(raw)
    text = raw.decode(name, "replace") if name else text
    controls = sum(unicodedata.category(char) == "Cc" and char not in "\t\n\r\f\v\x1b\x85" for char in text)
    if not text or controls > len(text) / 20:
        raise ValueError("it is a binary file despite its extension")
    return text, name.replace("cp125", "windows-125").replace("_", "-") or "utf-8"


def _detected(raw: bytes) -> str:
    """The likeliest encoding, "" for none."""
    from charset_normalizer import from_bytes

    matches = [match for match in from_bytes(raw, cp_isolation=LIKELY) if not MISREAD.search(str(match))]
    if not matches:
        return ""
    return "cp1252" if raw.decode("cp1252", "replace") == str(matches[0]) else matches[0].encoding


def clean(text: str) -> tuple[str, str]:
    """The text as NFC with ordinary line breaks, without control characters, and what was replaced ("" for nothing).

    Halves of a surrogate pair become one character or U+FFFD; ligatures such as U+FB01 become their letters; invisible
    hyphens go.
    """
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    halves = whole.count("\ufffd") - text.count("\ufffd")
    whole = re.sub("\r\n?|[\v\f\x85\u2028\u2029]", "\n", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole)).translate(WINDOWS)
    whole, controls = re.subn("[\0-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff]", lambda found: "" if found[0] == "\0" else " ", whole)
    whole = re.sub("[\ufb00-\ufb17]", lambda found: unicodedata.normalize("NFKC", found[0]), re.sub("[\xad\ufeff]", "", whole))
    notes = [f"{halves} half characters replaced"] * bool(halves) + [f"{controls} control characters removed"] * bool(controls)
    return unicodedata.normalize("NFC", whole), " and ".join(notes)

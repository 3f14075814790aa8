"""Bytes to text: the declared or detected encoding, and characters that no text should hold."""
from __future__ import annotations

import codecs
import re
import unicodedata

# What pages declare and what browsers read instead (WHATWG, Encoding); the rest have the names that Python knows.
BROWSERS = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "ascii": "windows-1252", "us-ascii": "windows-1252",
            "iso-8859-9": "windows-1254", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "x-sjis": "cp932",
            "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "tis-620": "cp874", "windows-874": "cp874", "x-mac-roman": "mac_roman"}
# Encodings that folders of documents come in; among all that exist, detection finds exotic ones in short texts.
LIKELY = ["utf_8", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "iso8859_2", "utf_16_le",
          "utf_16_be", "cp932", "euc_jp", "gb18030", "big5", "cp949", "mac_roman", "cp850", "cp866"]
BINARY = (b"PK\3\4", b"%PDF-", b"\x89PNG", b"\x7fELF", b"GIF8", b"\xff\xd8\xff", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
# Cyrillic read as Japanese, Chinese read as Korean, umlauts read as Chinese.
MISREAD = re.compile("[\uff61-\uff9f]|[가-힣][一-鿿]|[一-鿿][가-힣]|[A-Za-z][一-鿿가-힣][a-z]")
WINDOWS = {code: char for code in range(0x80, 0xA0) if (char := bytes([code]).decode("cp1252", "ignore")) and code != 0x85}


def decode(raw: bytes, page: bool = False) -> tuple[str, str]:
    """(text, encoding), by its mark, by what a page declares, or detected. Raises ValueError for bytes that are no text."""
    from bs4.dammit import EncodingDetector

    told = ""
    rest, name = EncodingDetector.strip_byte_order_mark(raw)
    declared = (EncodingDetector.find_declared_encoding(raw, is_html=True) or "").lower() if page else ""
    if not name and 20 * raw.count(0) <= len(raw) and not (raw.isascii() and declared.startswith(("iso-2022", "hz"))):
        text = raw.decode("utf-8", "replace")  # before what is declared: saved pages keep declarations of another time
        broken = text.count("\ufffd") - raw.count("\ufffd".encode())
        if not broken or 5 * broken < sum(char > "\x7f" for char in text):
            name, told = "utf-8", f"utf-8 with {broken} broken characters" if broken else ""
    try:
        name = name or codecs.lookup("" if declared.startswith("utf") else BROWSERS.get(declared, declared)).name
    except LookupError:
        name = _detected(raw)
    text = rest.decode(name, "replace")
    controls = sum(char < " " and char not in "\t\n\r\f\v\x1b" for char in text)
    if controls > len(text) / 20 or raw.startswith(BINARY):
        raise ValueError("it is a binary file despite its extension")
    return text, told or name.replace("cp125", "windows-125").replace("_", "-")


def _detected(raw: bytes) -> str:
    """The likeliest encoding, UTF-8 if none is."""
    from charset_normalizer import from_bytes

    matches = [match for match in from_bytes(raw, cp_isolation=LIKELY) if not MISREAD.search(str(match))]
    western = matches and raw.decode("cp1252", "replace") == str(matches[0])
    return "cp1252" if western else matches[0].encoding if matches else "utf-8"


def clean(text: str) -> tuple[str, str]:
    """(NFC with ordinary line breaks, whole characters and no controls, ligatures or invisible hyphens; what was replaced)."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    halves = whole.count("\ufffd") - text.count("\ufffd")
    whole = re.sub("\r\n?|[\v\f\x85\u2028\u2029]", "\n", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole)).translate(WINDOWS)
    whole, controls = re.subn("[\0-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff]", lambda found: "" if found[0] == "\0" else " ", whole)
    whole = re.sub("[\ufb00-\ufb17]", lambda found: unicodedata.normalize("NFKC", found[0]), re.sub("[\xad\ufeff]", "", whole))
    told = {"half characters replaced": halves, "control characters removed": controls}
    return unicodedata.normalize("NFC", whole), "; ".join(f"{what}: {count}" for what, count in told.items() if count)

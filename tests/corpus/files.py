"""Small files of each format, made in the tests."""
from __future__ import annotations


def pdf(*pages: str, show: str = "({}) Tj") -> bytes:
    """A PDF with one page for each text, lines divided by a line break; an empty text is a page without text."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>",
               "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"]
    for number, text in enumerate(pages):
        lines = " T* ".join(show.format(line) for line in text.split("\n")) if text else ""
        stream = f"BT /F1 12 Tf 20 250 Td 14 TL {lines} ET"
        objects += [f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 300]/Contents {5 + 2 * number} 0 R"
                    "/Resources<</Font<</F1 3 0 R>>>>>>", f"<</Length {len(stream)}>>stream\n{stream}\nendstream"]
    out, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (out + f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R>>\n"
            f"startxref\n{len(out)}\n%%EOF").encode("latin-1")


def written(folder, **contents: str | bytes):
    """The folder with these files; `a_md="x"` is a file `a.md`."""
    for name, content in contents.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_bytes(content.encode() if isinstance(content, str) else content)
    return folder

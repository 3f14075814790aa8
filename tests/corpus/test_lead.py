"""The lead sentence is the first of the prose, whole."""
from __future__ import annotations

import pytest

from tests.corpus.files import written
from utils import corpus


@pytest.mark.parametrize(("name", "source", "lead"), [
    ("a_md", "# Bike returns\n\nA bike may be returned within 30 days. Bring it.", "A bike may be returned within 30 days."),
    ("a_md", "The `ring_bell` call wakes the porter. It may.", "The ring_bell call wakes the porter."),
    ("a_md", "---\ntitle: T\n---\nT\n\nDr. Fox opens the gate, e.g. at 9 a.m. on Monday. Next.",
     "Dr. Fox opens the gate, e.g. at 9 a.m. on Monday."),
    ("a_md", "![build passing](a) ![coverage](b)\n\n[Home](a) › [Docs](b)\n\n# T\n\nSee No. 5 of 3.5 pages. Yes.",
     "See No. 5 of 3.5 pages."),
    ("a_html", "<title>Site</title><ul><li>Home<li>About us</ul><p>The tank\nholds <b>5</b> litres! More.",
     "The tank holds 5 litres!"),
    ("a_txt", "Bike returns\n============\n\nA bike may be\nreturned in 30 days. Bring it.",
     "A bike may be returned in 30 days."),
    ("a_txt", "Bike returns\nA bike may be returned in 30 days and\nnot later. Bring it.",
     "A bike may be returned in 30 days and not later."),
    ("a_md", "Музей открыт с 9 до 17 часов, т. е. весь день. Вход платный.", "Музей открыт с 9 до 17 часов, т. е. весь день."),
    ("a_md", "# 博物馆\n\n博物馆九点开门。门票五元。", "博物馆九点开门。"),
    ("a_md", "Das Amt und die Kasse öffnen z. B. am 3. Mai um 8 Uhr. Dann nicht.",
     "Das Amt und die Kasse öffnen z. B. am 3. Mai um 8 Uhr."),
    ("a_md", "# Fees\n\n1. Cats\n2. Dogs", "Cats"),
    ("a_md", "# Fees", "Fees"),
])
def test_the_first_whole_sentence_of_prose_leads(tmp_path, name, source, lead):
    assert corpus.lead_sentence(corpus.load_folder(written(tmp_path, **{name: source}))[0]) == lead

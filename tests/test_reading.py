"""Reading practice: sentences become terse questions whose answer is cut out, from services outside the course only."""
from __future__ import annotations

import random

from utils import corpus, reading, settings
from utils.retrieval import Chunk


def chunk(section: str, text: str, place: int = 0) -> Chunk:
    return Chunk(f"shop.BakeBread#{place}", "shop.BakeBread", section, text, "shop › bake bread › x")


def test_values_errors_and_operations_are_found_and_ambiguous_sentences_left_out():
    limit = "The oven keeps a loaf warm for up to 30 minutes after baking ends."
    assert list(reading.asked_of(chunk("parameter Size", limit))) == [("value", limit, "30 minutes")]
    assert list(reading.asked_of(chunk("parameter Size", "It bakes for 20 minutes and rests for up to 5 minutes in all."))) == []
    error = chunk("error OvenColdException", "Error OvenColdException. The oven was not hot enough for this loaf.")
    assert list(reading.asked_of(error)) == [("error", "The oven was not hot enough for this loaf.", "OvenColdException")]
    lead = chunk("overview", "shop BakeBread\nBakes a loaf of bread in the oven.")
    assert list(reading.asked_of(lead)) == [("routing", "Bakes a loaf of bread in the oven.", "BakeBread")]


def test_a_question_never_says_its_answer_and_asks_in_the_right_unit():
    draw = random.Random(0)
    sentence = "A fresh loaf of wholemeal bread may rest for at most 12 hours in the covered basket near the oven."
    said = [reading.worded("value", sentence, "12 hours", draw) for _ in range(30)]
    assert not any("12" in text for text in said) and any(text.startswith("how long") for text in said)
    assert len(set(said)) > 10


def test_practice_uses_no_service_of_the_course(chosen, tiny, monkeypatch):
    monkeypatch.setattr(reading, "SERVICES", 2)
    loaded = []
    monkeypatch.setattr(corpus, "load", lambda names: loaded.extend(names) or tiny)
    made = reading.practice(4, chosen, lambda text: len(text.split()))
    assert len(loaded) == 2 and not set(loaded) & set(settings.COURSE_SERVICES)
    for example in made:
        place = example.completion.rpartition("[")[2].rstrip("]")
        assert example.completion == settings.ABSTENTION or example.shown[int(place) - 1].startswith(example.question.home)

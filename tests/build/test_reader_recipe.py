"""The recipe of the language model's training: one draw of conversations."""
from __future__ import annotations

from data.build import reader_recipe


def test_a_smaller_draw_is_the_beginning_of_a_larger_one_and_keeps_the_shares():
    parts = {"course": list(range(100)), "summary": list(range(100, 200))}
    shares = {"course": 0.75, "summary": 0.25}
    small, large = (reader_recipe.drawn(parts, size, 0, shares) for size in (40, 80))
    assert large[:40] == small and sum(item < 100 for item in small) == 30 and len(set(large)) == 80
    assert sorted(reader_recipe.drawn(parts, None, 0, shares)) == list(range(200))

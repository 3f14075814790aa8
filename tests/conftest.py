"""Shared pieces: the course's world, and a tiny hand-made one that is quick to index."""
from __future__ import annotations

import pytest

from data.build import gold_answers
from utils import models, settings
from utils.types import Document, Section

models.quiet()


def pytest_terminal_summary(terminalreporter) -> None:
    """One line on the tests that need a real browser, since a skipped one is easily overlooked."""
    counts = {name: sum("browser" in report.keywords for report in terminalreporter.stats.get(name, []))
              for name in ("passed", "failed", "error", "skipped")}
    if sum(counts.values()):
        terminalreporter.write_line("tests in a real browser: " + ", ".join(f"{n} {name}" for name, n in counts.items() if n))


@pytest.fixture(scope="session")
def world() -> gold_answers.GoldAnswerContext:
    return gold_answers.GoldAnswerContext()


@pytest.fixture(scope="session")
def chosen() -> settings.Settings:
    return settings.load()


@pytest.fixture(scope="session")
def embedder(chosen):
    return models.embedder(chosen.embedder)


@pytest.fixture(scope="session")
def language_model(chosen):
    return models.language_model(chosen)


@pytest.fixture
def tiny() -> list[Document]:
    def document(name: str, lead: str, detail: str) -> Document:
        overview = Section("overview", f"shop {name}\n{lead}")
        return Document(f"shop.{name}", f"shop {name}", "shop", (overview, Section("parameter Size", detail)))

    return [
        document("BakeBread", "Bakes a loaf of bread in the oven. It takes an hour.", "Size: at most 12 loaves."),
        document("PaintWall", "Paints one wall with a brush. Let it dry.", "Size: at most 30 square metres."),
        document("FeedCat", "Gives the cat its dinner. Twice a day.", "Size: at most 200 grams."),
    ]

"""What the learner guessed, answered and tried, kept in one file that survives the kernel; guesses and quizzes."""
from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from pathlib import Path

from .. import settings

QUIZZES = Path(__file__).with_name("quizzes.json")  # lab → questions → options with `text`, `right` and `why`
_asked: dict[str, Sequence] = {}


def learner_state(section: str) -> dict:
    """One section of `learner.json` in the cache; empty if nothing was stored. A damaged file is set aside, and told."""
    path = settings.cache() / "learner.json"
    try:
        return json.loads(path.read_text("utf-8")).get(section, {}) if path.exists() else {}
    except (ValueError, AttributeError):
        path.replace(path.with_suffix(".damaged"))
        print(f"{path.name} is damaged and was renamed to learner.damaged: guesses and tries begin anew.")
        return {}


def store_learner_state(section: str, key: str, value: object) -> None:
    """Store one value; the file is written whole or not at all."""
    path, own = settings.cache() / "learner.json", {**learner_state(section), key: value}
    state = json.loads(path.read_text("utf-8")) if path.exists() else {}
    part = path.with_suffix(".part")
    part.write_text(json.dumps({**state, section: own}, ensure_ascii=False, indent=1), "utf-8")
    os.replace(part, path)


def note(text: str) -> str:
    """The text as HTML that a screen reader announces."""
    return f"<span role='status'>{html.escape(text)}</span>"


def guess(name: str, question: str, answer: Sequence):
    """An ipywidget that asks for a guess and stores it under `name`. answer: options, or (low, high, unit) for a number."""
    import ipywidgets

    _asked[name] = answer
    stored = learner_state("guesses").get(name)
    if not isinstance(answer[0], str):
        low, high, unit = answer
        entry = ipywidgets.BoundedFloatText(value=low if stored is None else stored, min=low, max=high, step=1,
                                            description=f"Your guess, {unit}", style={"description_width": "initial"})
    else:
        entry = ipywidgets.RadioButtons(options=list(answer), value=stored if stored in answer else None,
                                        layout={"width": "max-content"})
    button = ipywidgets.Button(description="Keep this guess")
    status = ipywidgets.HTML(note("" if stored is None else f"Kept: {stored}. You may change it."))

    def keep(_) -> None:
        if entry.value is not None:
            store_learner_state("guesses", name, entry.value)
        status.value = note("Choose an option first." if entry.value is None else f"Kept: {entry.value}. Run the next cell.")

    button.on_click(keep)
    return ipywidgets.VBox([ipywidgets.HTML(f"<b>{html.escape(question)}</b>"), entry, ipywidgets.HBox([button, status])])


def compare_guess(name: str, value: float | str, meaning: str = "") -> None:
    """Display how the learner's guess compares with the true `value`, in its unit, and what that means."""
    from IPython.display import Markdown, display

    display(Markdown(f"**{compared(name, value)}** {meaning}"))


def compared(name: str, value: float | str) -> str:
    """A sentence on the guess and the true value. Raises ValueError for a guess that was not asked for in this run."""
    if name not in _asked:
        raise ValueError(f"no guess is named {name!r} in this run: run the cell that asks for it first")
    answer, stored = _asked[name], learner_state("guesses").get(name)
    number = not isinstance(answer[0], str)
    truth = _amount(value, answer[2]) if number else f"“{value}”"
    if stored is None:
        return f"You made no guess; it is {truth}."
    if not number:
        return f"You guessed “{stored}”, and that is right." if stored == value else f"You guessed “{stored}”; it is {truth}."
    low, high, unit = answer
    gap = stored - value
    how = f"{_amount(abs(gap), 'points' if unit == '%' else '').strip()} too {'high' if gap > 0 else 'low'}"
    how = "close" if abs(gap) <= 0.05 * (high - low) else how
    return f"You guessed {_amount(stored, unit)}; it is {truth}: {how}."


def guess_progress() -> str:
    """How many of the guesses asked for in this run were made, as a sentence part."""
    stored = learner_state("guesses")
    return f"{sum(name in stored for name in _asked)} of {len(_asked)} guesses made"


def _amount(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}" if abs(value) >= 10 or value == round(value) else f"{value:.2g} {unit}"


def quiz(lab: str):
    """The lab's questions as an ipywidget that explains and stores each choice. Raises ValueError for another lab."""
    import ipywidgets

    questions = json.loads(QUIZZES.read_text("utf-8"))
    if lab not in questions:
        raise ValueError(f"there is no quiz for {lab!r}; there is one for {', '.join(questions)}")
    stored, parts, score = learner_state("quizzes").get(lab, {}), [], ipywidgets.HTML(note(""))
    for number, item in enumerate(questions[lab], 1):
        options = item["options"]
        entry = ipywidgets.RadioButtons(options=[option["text"] for option in options], value=None,
                                        layout={"width": "max-content"})
        why = ipywidgets.HTML()

        def show(change, number=number, options=options, why=why) -> None:
            option = options[change["new"]]
            why.value = note(("Right. " if option["right"] else "No. ") + option["why"])
            stored[str(number)] = change["new"]
            store_learner_state("quizzes", lab, stored)
            right = sum(item["options"][stored[str(n)]]["right"] for n, item in enumerate(questions[lab], 1) if str(n) in stored)
            score.value = note(f"{right} of {len(questions[lab])} right so far.")

        entry.observe(show, "index")
        entry.index = stored.get(str(number))  # shows its explanation again
        parts += [ipywidgets.HTML(f"<b>{number}. {html.escape(item['question'])}</b>"), entry, why]
    return ipywidgets.VBox([*parts, score])

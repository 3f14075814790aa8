"""Four questions about each lab, with an explanation for every option; they ask for understanding, not for memory."""
from __future__ import annotations

import html
import json
from pathlib import Path

from .learner import learner_state, note, store_learner_state

QUIZZES = Path(__file__).with_name("quizzes.json")  # lab → questions → options with `text`, `right` and `why`


def quiz(lab: str):
    """The lab's questions as an ipywidget that explains and stores each choice. Raises ValueError for a lab without questions."""
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

"""Tools for your own documents."""

_FILES = {
    "splitting": ["Split", "split_questions"],
    "own_training": ["RECIPES", "examples_for", "train"],
    "decision": ["Decision", "decide"],
    "output_folder": ["own_workspace"],
    "asking": ["ask"],
    "commands": ["ask_command", "decide_command", "draft_command", "train_command"],
    "drafting": ["REVIEW", "write_drafts"],
}
__all__ = [name for names in _FILES.values() for name in names]


def __getattr__(name: str) -> object:
    from .. import resolve

    return resolve(__name__, _FILES, name)

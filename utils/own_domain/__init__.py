"""Tools for your own documents."""
from .. import lazy_names

_FILES = {
    "splitting": ["Split", "split_questions"],
    "own_training": ["RECIPES", "examples_for", "train"],
    "decision": ["Decision", "decide"],
    "output_folder": ["ask", "own_workspace"],
    "commands": ["ask_command", "decide_command", "draft_command", "train_command"],
    "drafting": ["REVIEW", "write_drafts"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

"""Tools for your own documents."""
from .. import lazy_names

_FILES = {
    "splitting": ["Split", "split_questions"],
    "own_training": ["RECIPES", "examples_for", "train"],
    "decision": ["Decision"],
    "output_folder": ["own_workspace"],
    "asking": ["ask"],
    "commands": ["ask_command", "decide", "decide_command", "draft_command", "train_command"],
    "drafting": ["REVIEW", "write_drafts"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

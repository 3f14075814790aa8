"""Tools for your own documents."""
from .. import lazy_names

_FILES = {
    "splitting": ["Split", "split_questions"],
    "own_training": ["RECIPES", "examples_for", "train", "train_command"],
    "decision": ["Decision", "decide", "decide_command"],
    "output_folder": ["ask", "ask_command", "own_workspace"],
    "drafting": ["REVIEW", "draft_command", "write_drafts"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

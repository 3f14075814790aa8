"""Figures as PNG with alt text, drawn from numbers, labels and colours. Imports no other subpackage."""
from .. import lazy_names

_FILES = {
    "style": ["CURVES", "axes", "show", "you_are_here"],
    "retrieval": ["arm_bars", "gain_against_cost", "length_histogram", "recall_curve", "subgraph"],
    "training": ["curves", "loss_curve", "models_by_context"],
    "roi": ["outcome_bars", "pareto", "stale_curve", "tornado_bars", "winners_by_volume"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

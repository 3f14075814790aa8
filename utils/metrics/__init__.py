"""Scores of one question and statistics over many: ranking, answers, intervals."""
from .. import lazy_names

_FILES = {
    "ranking": ["recall_at_k", "retrieval_scores", "success_at_k"],
    "answers": ["ABSTENTION", "JUDGED_TASKS", "LONGEST_ANSWER", "SINGLE_ANSWER_TASKS", "TASKS", "abstains",
                "answer_scores", "contains", "exact_match", "parse_set", "rouge_l", "set_f1",
                "stated_in"],
    "normalisation": ["normalise"],
    "statistics": ["MeanInterval", "PairedDifference", "RESAMPLES", "cohen_kappa", "holm", "mean_interval",
                   "paired_difference", "read_result", "risk_coverage_area", "risk_coverage_interval", "seeded_difference",
                   "smallest_detectable_difference"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

"""From questions and arms to records, and from records to tables."""
from .. import lazy_names

_FILES = {
    "files": ["typed"],
    "questions": ["QuestionsFile", "answering_sentence", "load_questions", "near_duplicates", "read_questions",
                  "similar_questions", "stale_per_week", "stale_questions", "training_questions"],
    "arms": ["Arm", "DEFAULT_ARMS", "MODELS", "arm_colours", "parse_arm", "parse_arms"],
    "workspace": ["CALIBRATIONS", "Workspace", "load_workspace"],
    "runner": ["check_digests", "only_writer", "run_arms", "threshold_note"],
    "solved_examples": ["SolvedExamples", "answering_chunk", "mined_examples"],
    "records": ["RECORDS_FOLDER", "agree", "frame", "load_records", "load_rows", "planned_comparisons",
                "read_records", "record_line", "write_with_backup"],
    "scoring": ["accepted_forms", "rescore", "score_changes", "with_accepted"],
    "confidence": ["Calibration", "FEWEST", "calibrated", "decided", "decided_answer", "decided_record", "fit_calibration",
                   "load_calibrations", "risk_coverage", "save_calibrations", "used_calibrations", "would_be_right"],
    "provenance": ["corpus_digest", "language_notes", "provenance_file", "questions_of_records", "questions_provenance",
                   "read_provenance", "records_provenance", "served_arms"],
    "outcomes": ["SCORABLE_TASKS", "abstention_rates", "changed_answers", "correct_by_group",
                 "correct_share", "mean_usage", "metric_interval", "outcome", "outcome_draws", "outcome_shares",
                 "outcomes_by_context", "paired_outcomes", "rescue_table", "scorable"],
    "commands": ["Prepare", "benchmark_command", "close_command", "new_file", "new_folder", "questions_of", "rescore_command"],
    "tables": ["all_seeds_difference", "benchmark_tables", "seed_differences", "seed_spread", "seed_table", "summarise",
               "wide_table"],
    "retrieval_stages": ["Stage", "StageCatalog", "compare_stages", "measure_stage"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

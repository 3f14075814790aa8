"""The course around the package: preparation, exercises and their checks, widgets, notebooks, release, doctor."""
from .. import lazy_names

_FILES = {
    "preparation": ["authors_checks", "prepare", "quiet_jupyterlab", "small_decision", "work_folder"],
    "learner": ["compare_guess", "guess", "guess_progress", "quiz"],
    "pipeline_choice": ["PipelineChoice", "chosen_pipeline", "read_test_once"],
    "exercises": ["exercise_progress", "use_design", "use_mine_or_reference"],
    "checks.lab1": ["check_identifier_words", "check_only_first", "check_passages_that_fit",
                    "check_precision_and_recall", "check_recall_at_k", "check_reciprocal_rank_fusion",
                    "check_split_tokens"],
    "checks.open_tasks": ["check_answer_confidence", "check_ask_in_both_orders", "check_choose_pairs", "check_fuse_scores",
                          "check_pack_passages", "check_prompt", "check_split", "check_training_data"],
    "checks.open_tasks_lab3": ["check_ask_twice", "check_difference_interval", "check_interval", "check_judge"],
    "checks.lab2": ["check_cohen_kappa", "check_dpo_loss", "check_labels_for", "check_lora_parameters",
                    "check_may_promote", "check_raft_example", "check_risk_coverage"],
    "checks.lab3": ["check_break_even", "check_cluster_mean", "check_expected_regret", "check_swings", "check_token_f1"],
    "widgets": ["PreferenceAnnotator", "learner_labels_file", "own_price_file", "own_prices", "show_page"],
    "doctor": ["run_doctor"],
    "notebooks": ["run_notebooks"],
    "progress": ["progress_command"],
    "release": ["release_labs"],
    "reset": ["reset_labs"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

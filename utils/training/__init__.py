"""Fine-tuning: examples, supervised training, feedback, judges, preferences, and the gate that promotes or refuses an adapter."""
from .. import lazy_names

_FILES = {
    "feedback": ["Judges", "in_pool", "label_bias", "labels_in_use", "load_pairs", "pair_prompt", "save_pairs"],
    "examples": ["changed_fact_examples", "closed_book_examples", "example_tokens", "find_leaks",
                 "sample_examples", "tokenized_conversations", "value_in", "word_question"],
    "callbacks": ["LossPlot"],
    "sft": ["LINEAR_LAYERS", "SFTSettings", "checkpoint_folder", "fit_and_save", "last_checkpoint", "load_base_model",
            "lora_config", "only_trainer", "parent_of", "resume_from_adapter", "rows_digest", "run_in_subprocess",
            "score_labelled_tokens_only", "settings_for_adapters", "train_sft", "trainer_arguments"],
    "preferences": ["PreferenceRow", "PreferenceSettings", "continue_training", "preference_dataset", "preference_provenance",
                    "preference_rows", "train_preferences"],
    "registry": ["GateResult", "gate_results", "lineage", "promote", "promoted_names", "promotion_gate", "register_adapter",
                 "rollback", "unused_name"],
    "raft": ["BUDGETS", "ERRORS", "FIRST", "fill_passages", "own_raft_examples", "raft_examples"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

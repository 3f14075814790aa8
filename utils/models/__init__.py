"""The language model, the embedder, their adapters, and the machine they run on."""
from .. import lazy_names

_FILES = {
    "device": ["autocast", "energy_per_answer", "joules", "peak_memory_gb", "prefers_bfloat16", "quiet",
               "release_memory", "release_memory_after", "torch_device"],
    "adapters": ["CHECKPOINTS", "adapter_digest", "adapter_folder", "adapter_provenance", "has_adapter", "is_extractive",
                 "local_registry", "merge_adapter", "package_versions", "save_adapter"],
    "language_models": ["CONVERTED", "LanguageModel", "base_digest", "language_model", "language_model_path"],
    "embedders": ["Embedder", "embedder", "embedder_path"],
    "extractive": ["DECODING", "SpanReader", "span_reader"],
    "log_probabilities": ["general_text", "mean_log_probability", "mean_token_log_probability", "perplexity", "token_ids"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

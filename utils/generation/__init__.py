"""From ranked passages to answers: prompts, citations and prompt injection."""
from .. import lazy_names

_FILES = {
    "rag": ["WITHOUT_PASSAGES", "WITH_PASSAGES", "answer_questions", "build_prompt", "count_that_fit",
            "numbered_passages", "strip_citations", "without_sentence"],
    "prompt_injection": ["CANARY", "CLAIMED", "FALSE_CLAIM", "PLANTED_INSTRUCTIONS", "attack_questions", "defended_prompt",
                         "inject", "screen_orders"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

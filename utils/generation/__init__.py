"""From ranked passages to answers: prompts, citations and prompt injection."""

_FILES = {
    "rag": ["WITHOUT_PASSAGES", "WITH_PASSAGES", "answer_questions", "build_prompt", "count_that_fit",
            "numbered_passages"],
    "prompt_injection": ["CANARY", "PLANTED_INSTRUCTIONS", "attack_questions", "defended_prompt", "inject",
                         "screen_orders"],
}
__all__ = [name for names in _FILES.values() for name in names]


def __getattr__(name: str) -> object:
    from .. import resolve

    return resolve(__name__, _FILES, name)

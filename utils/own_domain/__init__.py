"""Tools for your own documents."""

_FILES = {
    "drafting": ["REVIEW", "write_drafts"],
    "splitting": ["Split", "split_questions"],
}
__all__ = [name for names in _FILES.values() for name in names]


def __getattr__(name: str) -> object:
    from .. import resolve

    return resolve(__name__, _FILES, name)

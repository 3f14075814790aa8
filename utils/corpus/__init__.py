"""Documents: the course's AWS corpus, a folder of your own, and an older version of the AWS corpus."""
from .. import lazy_names

_FILES = {
    "aws": ["ERROR_LINE", "MEMBER_LINE", "NESTING", "RENDERING", "error_meanings", "fact_section", "load",
            "render_operation", "service_model", "service_names", "services_named", "true_triples", "without_service"],
    "docstrings": ["write_docstrings"],
    "folder": ["load_folder", "read_folder"],
    "reading_report": ["ReadingReport"],
    "lead": ["lead_sentence"],
    "tables": ["shown_cell"],
    "versions": ["changes", "older_version", "weeks_between", "with_value_replaced"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

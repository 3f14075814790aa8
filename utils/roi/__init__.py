"""What an option costs and earns, how certain that is, and the page that reports it."""
from .. import lazy_names

_FILES = {
    "assumptions": ["Assumptions", "OWN", "PRICE_FILE", "label", "load_assumptions", "price_units", "write_prices"],
    "cost_model": ["NOTHING", "Option", "answer_value", "break_even", "build_cost", "cost_per_1000",
                   "cost_per_correct", "monthly_cost", "net_present_value", "option_of_arm", "query_cost",
                   "update_cost"],
    "sensitivity": ["compare_options", "simulate", "tornado", "value_of_labels", "winner_map"],
    "decision_report": ["DecisionReport", "UPDATES", "VOLUMES", "build_report", "recommendation", "with_prices"],
    "decision_page": ["write_report"],
    "silence": ["answer_threshold", "decided_at_prices"],
    "update_interval": ["WEEKS_A_MONTH", "interval_table", "stale_by_updates", "stale_share"],
}
__all__, __getattr__ = lazy_names(__name__, _FILES)

"""Checks of the exercises, one file per lab; `harness` runs them."""

"""Checks of the exercises, a file for each lab; how they work stands in `harness`."""

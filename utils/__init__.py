"""Shared package of the three labs: corpus → chunks → index → hits → prompt → answer → score → report.

Nothing is imported here on purpose: `python -m utils` has to start before any package is installed.
"""

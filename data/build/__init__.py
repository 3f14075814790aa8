"""Builds the committed data: records, adapters, gold answers and training questions.

It may import all of `utils`; nothing in `utils` imports it. `python3 -m utils rebuild LAB` runs it in its own process.
"""

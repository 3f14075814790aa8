"""What authors use to make the data beside it: committed records, adapters, gold answers, training questions.

May import every room of `utils`; no room imports it. `python3 -m utils rebuild LAB` runs it as a process of its own.
"""

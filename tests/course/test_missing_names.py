"""Cells out of order: what a learner reads below a NameError."""
from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from utils.course.preparation import prepare_notebook


def test_a_missing_name_is_explained_and_other_errors_are_not(capsys):
    shell = InteractiveShell.instance()
    try:
        prepare_notebook()
        assert isinstance(shell.run_cell("later + 1").error_in_exec, NameError)
        told = capsys.readouterr().out
        assert "NameError" in told and "If a cell above defines later, it has not run since the kernel started" in told
        shell.run_cell("1 / 0")
        assert "If a cell above" not in capsys.readouterr().out
    finally:
        InteractiveShell.clear_instance()


def test_outside_a_notebook_nothing_happens():
    prepare_notebook()

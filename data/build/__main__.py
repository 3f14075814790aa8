"""`python -m data.build NAME`, one of `REBUILDS`: remakes the data of a lab, all scores, two decisions, a baseline, the smallest
reader, the learning curve, or the vectors that set-up takes.

Finished steps are skipped.
"""
from __future__ import annotations

import sys

from .held_out import held_out
from .lab1 import lab1
from .lab2 import lab2
from .lab3 import lab3
from .learning_curve import learning_curve
from .new_rules import new_rules
from .own_domains import own_domains
from .span_reader import span_reader
from .vectors import vectors

REBUILDS = {"lab1": lab1, "lab2": lab2, "lab3": lab3, "new_rules": new_rules, "own_domains": own_domains, "held_out": held_out,
            "span_reader": span_reader, "learning_curve": learning_curve, "vectors": vectors}


def main(words: list[str]) -> int:
    """Run one rebuild; an expected error prints one sentence and returns exit code 1."""
    try:
        REBUILDS[words[0]]()
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it resumes where it stopped.", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, LookupError) as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

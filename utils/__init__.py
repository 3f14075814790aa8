"""Shared package of the three labs; its subpackages follow the data: corpus → retrieval → generation → evaluation → roi.

The `__all__` of a subpackage lists its public names. They are imported on first use, because `python -m utils` and the
first cell of a notebook run before any package is installed.
"""
from collections.abc import Callable


def lazy_names(package: str, files: dict[str, list[str]]) -> tuple[list[str], Callable[[str], object]]:
    """`__all__` and `__getattr__` of a package, which imports a public name from the file that defines it (PEP 562).

    package: dotted name. files: file, or dotted file of a subfolder → its public names.
    """
    owners = {name: file for file, names in files.items() for name in names}

    def resolve(name: str) -> object:
        from importlib import import_module

        if name not in owners:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{owners[name]}"), name)

    return list(owners), resolve

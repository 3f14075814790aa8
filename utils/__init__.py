"""The shared package; its rooms follow the data: corpus → retrieval → generation → evaluation → roi.

A room's `__all__` lists its public names, imported on first use: the first cell runs before any package is installed.
"""
from collections.abc import Callable


def lazy_names(package: str, files: dict[str, list[str]]) -> tuple[list[str], Callable[[str], object]]:
    """`__all__` and `__getattr__` (PEP 562) of a package. files: file, dotted in a subfolder → the public names it defines."""
    owners = {name: file for file, names in files.items() for name in names}

    def resolve(name: str) -> object:
        from importlib import import_module

        if name not in owners:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{owners[name]}"), name)

    return list(owners), resolve

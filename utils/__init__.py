"""Shared package of the three labs; its subpackages follow the data: corpus → retrieval → generation → evaluation → roi.

The `__all__` of a subpackage lists its public names. They are imported on first use, because `python -m utils` and the
first cell of a notebook run before any package is installed.
"""


def resolve(package: str, files: dict[str, list[str]], name: str) -> object:
    """Import a public name of a package from the file that defines it.

    package: dotted name. files: file, or dotted file of a subfolder → its public names.
    Raises AttributeError for a name that no file lists.
    """
    from importlib import import_module

    for file, names in files.items():
        if name in names:
            return getattr(import_module(f"{package}.{file}"), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")

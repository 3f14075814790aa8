"""Shared package of the three labs, in rooms along the way of the data: corpus → retrieval → generation → evaluation → roi.

Each room is a subpackage whose `__all__` lists what others may use. Nothing is imported until it is asked for, because
`python -m utils` and a notebook's first cell run before any package is installed.
"""


def resolve(room: str, files: dict[str, list[str]], name: str) -> object:
    """The public name of a room, from the file that defines it.

    room: dotted name of the package. files: file, or dotted file of a subfolder → its public names.
    Raises AttributeError, as every missing name of a module does, for a name the room does not list.
    """
    from importlib import import_module

    for file, names in files.items():
        if name in names:
            return getattr(import_module(f"{room}.{file}"), name)
    raise AttributeError(f"module {room!r} has no attribute {name!r}")

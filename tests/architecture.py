"""The guards of the package's floor plan: functions of a root folder that list every offence they find."""
from __future__ import annotations

import ast
import json
import re
from pathlib import Path

ORDER = ("settings", "types", "text", "downloads", "environment", "bundle", "plots", "metrics", "corpus", "models", "retrieval",
         "generation", "evaluation", "training", "roi", "own_domain", "course", "__main__")
HEAVY = {"torch", "transformers", "chromadb", "sentence_transformers", "pandas", "matplotlib", "sklearn", "trl", "peft",
         "datasets"}
# Words in backticks that name no code of ours: commands, packages, folders.
ALLOWED = {"benchmark", "report", "draft", "rebuild", "setup", "lab", "test", "botocore", "datasets", "networkx", "labs",
           "solutions", "rouge", "trl", "peft", "transformers", "sentence"}
# Fixed names that people outside call; nothing in the repository needs to.
ENTRY_POINTS = {"lead_sentence", "load_folder", "contextual_header", "rouge_l", "older_version", "changes", "frame"}


def modules(root: Path) -> dict[str, ast.Module]:
    """Dotted name of every module under root/utils and root/data/build, `__init__` files included, with its syntax tree."""
    files = [*(root / "utils").rglob("*.py"), *(root / "data" / "build").glob("*.py")]
    return {".".join(path.relative_to(root).with_suffix("").parts): ast.parse(path.read_text("utf-8")) for path in files}


def imports(name: str, tree: ast.Module, known: set[str]) -> set[tuple[str, str]]:
    """(module, name or "") for everything of the package that a module imports, lazily or by a string."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            package = name.split(".")[: -node.level] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            found |= {(f"{base}.{alias.name}", "") if is_module(f"{base}.{alias.name}", known) else (base, alias.name)
                      for alias in node.names if base.split(".")[0] in ("utils", "data")}
        elif isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names if alias.name.startswith("utils.")}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and is_module(node.value, known):
            found |= {(node.value, "")} if node.value.startswith("utils.") else set()
    return found


def is_module(name: str, known: set[str]) -> bool:
    return name in known or f"{name}.__init__" in known


def upward(root: Path) -> list[str]:
    """Imports that go up the list of rooms, or from the package into `data.build`."""
    trees, found = modules(root), []
    for name, tree in trees.items():
        if name.startswith("utils.") and name != "utils.__init__":
            for target, _ in imports(name, tree, set(trees)):
                parts = target.split(".")
                here, there = name.split(".")[1], parts[1] if len(parts) > 1 else ""
                if parts[0] == "data" or (there and ORDER.index(there) > ORDER.index(here)):
                    found.append(f"{name} imports {target}")
    return found


def circles(root: Path) -> list[str]:
    """Modules that import themselves along some way. Rooms as wholes import nothing, so they close no circle."""
    trees = modules(root)
    graph = {name: {target for target, _ in imports(name, tree, set(trees)) if target in trees} for name, tree in trees.items()}
    reach = {name: set(targets) for name, targets in graph.items()}
    for _ in graph:
        reach = {name: targets.union(*(reach[target] for target in targets)) for name, targets in reach.items()}
    return [name for name, targets in reach.items() if name in targets]


def borrowed_private_names(root: Path) -> list[str]:
    """Names with a leading underscore that one module takes from another."""
    trees = modules(root)
    taken = [f"{name} takes {base}.{what}" for name, tree in trees.items() for base, what in imports(name, tree, set(trees))
             if what.startswith("_") and what != "__version__"]
    aliases = {stem for name in trees for stem in name.split(".")}
    return taken + [f"{name} takes {node.value.id}.{node.attr}" for name, tree in trees.items() for node in ast.walk(tree)
                    if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr) and isinstance(node.value, ast.Name)
                    and node.value.id in aliases]


def defined(tree: ast.Module) -> set[str]:
    """Public names that a module defines at its top."""
    names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        names |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def words(tree: ast.AST) -> list[str]:
    """Every identifier that code reads: names, attributes, imported names."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.append(node.id)
        elif isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found += [alias.name for alias in node.names]
    return found


def unused(root: Path, notebooks: list[Path]) -> list[str]:
    """Public names of the package that no code of package, builders or notebooks reads."""
    trees = modules(root)
    read = {word for tree in trees.values() for word in words(tree)} | {word for path in notebooks for word in words(code(path))}
    return [f"{name}.{what}" for name, tree in trees.items() if name.startswith("utils.") for what in sorted(defined(tree))
            if what not in read | ENTRY_POINTS]


def code(path: Path) -> ast.Module:
    """The code of a notebook as one module."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ast.parse("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))


def heavy_imports(root: Path) -> list[str]:
    """Modules that import a heavy package when they are imported themselves."""
    found = []
    for name, tree in modules(root).items():
        for node in tree.body:
            packages = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            packages += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [f"{name}: {package}" for package in packages if package.split(".")[0] in HEAVY]
    return found


def long_files(root: Path) -> list[str]:
    """Files of more than 250 lines."""
    files = [*(root / "utils").rglob("*.py"), *(root / "data" / "build").glob("*.py"), *(root / "tests").glob("*.py")]
    return [path.name for path in files if len(path.read_text("utf-8").splitlines()) > 250]


def busy_rooms(root: Path) -> list[str]:
    """Rooms that import something when they are imported, beside what resolves their names."""
    return [f"{name}: {text}" for name, tree in modules(root).items() if name.count(".") > 1 and name.endswith(".__init__")
            for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))
            and (text := ast.unparse(node)) != "from .. import lazy_names"]


def misnamed(root: Path) -> list[str]:
    """Names of modules or of their members in backticks of docstrings, where there is no such module or member."""
    trees = modules(root)
    members = {}
    for name, tree in trees.items():
        members.setdefault(name.removesuffix(".__init__").split(".")[-1], set()).update(defined(tree))
    for room in [path.parent for path in (root / "utils").glob("*/__init__.py")]:
        members[room.name] |= {what for name, tree in trees.items() if f".{room.name}." in name for what in defined(tree)}
        members[room.name] |= {path.stem for path in room.iterdir()}
    known = {word for tree in trees.values() for node in ast.walk(tree) for word in named(node)} | set(members) | ALLOWED
    found = []
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (text := ast.get_docstring(node)):
                for first, _, second in re.findall(r"`([a-z_]+)(\.(\w+))?(?:\([^`]*\))?`", text):
                    wrong = first not in known or (second and first in members and second not in members[first] | {"py", "json"})
                    found += [f"{name}: `{first}{'.' + second if second else ''}`"] if wrong else []
    return found




def named(node: ast.AST) -> list[str]:
    """Identifiers and keys that a node introduces or reads: what a docstring may name."""
    for field in ("id", "attr", "name", "arg"):
        if isinstance(getattr(node, field, None), str):
            return [getattr(node, field)]
    key = isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w.@+:/-]+", node.value)
    return re.findall(r"\w+", node.value) if key else []

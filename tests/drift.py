"""Finds arguments that the project passes to its libraries and that the installed versions do not take.

It reads the source, so that it also sees what runs only on a GPU or with a server. A function that hands `**more` on to a
library is followed to its callers.
"""
from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ("trl", "transformers", "peft", "chromadb", "sentence_transformers", "datasets")
# Whose methods the project calls on objects: the source alone does not tell what they are.
METHODS = {
    "transformers.PreTrainedTokenizerBase": ("apply_chat_template", "batch_decode", "pad", "__call__"),
    "transformers.GenerationMixin": ("generate",),
    "transformers.Trainer": ("train",),
    "transformers.PreTrainedModel": ("add_adapter", "save_pretrained"),
    "peft.PeftModel": ("save_pretrained",),
    "sentence_transformers.SentenceTransformer": ("encode",),
    "sentence_transformers.CrossEncoder": ("predict",),
    "chromadb.Collection": ("add", "get", "query"),
    "chromadb.api.ClientAPI": ("delete_collection", "get_collection", "get_or_create_collection"),
}
# What takes the arguments that a signature shows as `**kwargs` only: there they stand as strings.
BEHIND = {
    "from_pretrained": ("transformers.PreTrainedModel.from_pretrained", "transformers.AutoTokenizer.from_pretrained",
                        "transformers.PreTrainedTokenizerBase.__init__"),
    "from_config": ("transformers.PreTrainedModel._from_config",),
    "generate": ("transformers.GenerationConfig.__init__",),
    "TokenizersBackend": ("transformers.PreTrainedTokenizerFast.__init__",),
}


@dataclass(frozen=True)
class Scope:
    """A statement at the top of a file or cell: its names that stand for things of the libraries, and its literal dicts."""

    place: str
    top: ast.stmt
    bound: dict[str, list]
    dicts: dict[str, set[str]]

    def values(self, node: ast.AST | None) -> list:
        """The modules, classes and functions that an expression may stand for; None for one that does not exist."""
        if isinstance(node, ast.Name):
            return self.bound.get(node.id, [])
        if isinstance(node, ast.Attribute):
            return [getattr(value, node.attr, None) for value in self.values(node.value)]
        return self.values(node.body) + self.values(node.orelse) if isinstance(node, ast.IfExp) else []

    def reached(self, called: ast.AST) -> tuple[list, bool]:
        """(what a call may reach in the libraries, True if it is sure, False if only a method of theirs has this name)."""
        if found := self.values(called):
            return found, True
        name = last(called)
        return [getattr(named(owner), method) for owner, methods in METHODS.items() for method in methods
                if method == ("__call__" if name == "tokenizer" else name)], False

    def keys(self, node: ast.AST) -> set[str]:
        """Keys of a literal dict, of either branch of a condition, or of a name that holds one."""
        if isinstance(node, ast.Dict):
            return {key.value for key in node.keys if isinstance(key, ast.Constant)}
        if isinstance(node, ast.IfExp):
            return self.keys(node.body) | self.keys(node.orelse)
        return self.dicts.get(node.id, set()) if isinstance(node, ast.Name) else set()

    def assign(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.IfExp):
            self.assign(target, value.body)
            self.assign(target, value.orelse)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            if not any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts)):
                for left, right in zip(target.elts, value.elts, strict=True):
                    self.assign(left, right)
        elif isinstance(target, ast.Name):
            self.bound[target.id] = self.bound.get(target.id, []) + self.values(value)
            self.dicts[target.id] = self.keys(target) | self.keys(value)

    def words(self, call: ast.Call) -> dict[str, bool]:
        """The arguments that a call names (True), and those of a literal dict behind `**` (False: it may be conditional)."""
        unpacked = set().union(*(self.keys(word.value) for word in call.keywords if word.arg is None))
        return dict.fromkeys(unpacked, False) | {word.arg: True for word in call.keywords if word.arg}


def last(called: ast.AST) -> str:
    """`query` of `self.collection.query`."""
    return getattr(called, "attr", getattr(called, "id", ""))


@functools.cache
def named(path: str):
    """The module, class or function at a dotted path; None if there is none."""
    owner, _, name = path.rpartition(".")
    if owner and (found := getattr(named(owner), name, None)) is not None:
        return found
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        return None


def imported(tree: ast.Module) -> dict[str, list]:
    """What a file imports from the libraries, wherever in it, by the name it has there."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
                      for alias in node.names}
    return {local: [named(path)] for local, path in found.items() if path.split(".")[0] in LIBRARIES}


def scopes(root: Path) -> Iterator[Scope]:
    """Every statement of the package, of what builds the data, and of the solved notebooks."""
    files = {}
    for path in sorted([*(root / "utils").rglob("*.py"), *(root / "data" / "build").glob("*.py")]):
        files[path] = {path.relative_to(root).as_posix(): path.read_text("utf-8")}
    for path in sorted((root / "solutions").glob("*.ipynb")):
        files[path] = {f"solutions/{path.name}, cell {number}": "".join(cell["source"]) for number, cell
                       in enumerate(json.loads(path.read_text("utf-8"))["cells"], 1) if cell["cell_type"] == "code"}
    for parts in files.values():
        names = imported(ast.parse("\n".join(parts.values())))
        for place, text in parts.items():
            for top in ast.parse(text).body:
                scope = Scope(place, top, dict(names), {})
                for node in ast.walk(top):
                    if isinstance(node, ast.Assign) and len(node.targets) == 1:
                        scope.assign(node.targets[0], node.value)
                yield scope


@functools.cache
def takes(target, word: str) -> bool | None:
    """Does it take the argument? None if its signature ends in `**kwargs` and nothing is known behind that."""
    parameters = inspect.signature(target).parameters.values()
    if any(word == one.name and one.kind is not one.POSITIONAL_ONLY for one in parameters):
        return True
    if all(one.kind is not one.VAR_KEYWORD for one in parameters):
        return False
    behind = BEHIND.get(getattr(target, "__name__", ""))
    return any(f'"{word}"' in inspect.getsource(named(path)) for path in behind) if behind else None


def drift(root: Path) -> tuple[list[str], set[str]]:
    """(one sentence for each argument that the installed library does not take, `call(argument)` that nothing can check)."""
    every, functions, found, unknown = list(scopes(root)), {}, [], set()
    for scope in every:
        for node in ast.walk(scope.top):
            if isinstance(node, ast.FunctionDef):
                rest = node.args.kwarg.arg if node.args.kwarg else None
                inner = [call for call in ast.walk(node) if isinstance(call, ast.Call) and rest
                         and any(word.arg is None and last(word.value) == rest for word in call.keywords)]
                names = [one.arg for one in (*node.args.args, *node.args.kwonlyargs)]
                functions.setdefault(node.name, []).append((names, inner, scope))

    def check(call: ast.Call, scope: Scope, reached: list, sure: bool, words: dict[str, bool]) -> None:
        for word, always in sorted(words.items()):
            answers = [takes(target, word) for target in reached if target]
            if None in answers and (sure or True not in answers):
                unknown.add(f"{ast.unparse(call.func)}({word})")
            elif not (all if sure and always else any)(answers):
                found.append(f"{scope.place}:{call.lineno}: {ast.unparse(call.func)} takes no argument {word}")

    for scope in every:
        for node in ast.walk(scope.top):
            if isinstance(node, (ast.Name, ast.Attribute)) and None in scope.values(node):
                found.append(f"{scope.place}:{node.lineno}: there is no {ast.unparse(node)}")
            if not isinstance(node, ast.Call):
                continue
            (reached, sure), words = scope.reached(node.func), scope.words(node)
            ours = [] if sure else functions.get(last(node.func), [])
            if reached and not any(words.keys() <= set(names) for names, _, _ in ours):
                check(node, scope, reached, sure, words)
            for names, inner, where in ours:
                given = dict(zip(names, node.args, strict=False))
                for forwarded in inner:
                    kinds = scope.values(given.get(last(forwarded.func)))
                    behind, certain = (kinds, True) if kinds else where.reached(forwarded.func)
                    if behind:
                        rest = {word: always for word, always in words.items() if word not in names}
                        check(node, scope, behind, certain, rest | (where.words(forwarded) if kinds else {}))
    return found, unknown

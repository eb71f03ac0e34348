"""
The sources of txgearman, and what can be read off them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeGuard

from attrs import define, field, frozen

TOP: Final = "txgearman"

# From the bottom to the top. A part is a module or a package of txgearman.
LAYERS: Final[tuple[frozenset[str], ...]] = (
    frozenset(
        {"version", "errors", "codecs", "documents", "busypoll", "reactor", "wire"}
    ),
    frozenset({"board"}),
    frozenset({"stores", "connection"}),
    frozenset({"server", "client", "worker", "admin", "testing"}),
    frozenset({"web", "scripts", "fleet"}),
)
LAYER_OF: Final = {part: n for n, parts in enumerate(LAYERS) for part in parts}

# Which other parts of its own layer a part may import; others import none.
ASIDE: Final[Mapping[str, frozenset[str]]] = {
    "wire": frozenset({"errors"}),
    "documents": frozenset({"errors"}),
    "reactor": frozenset({"busypoll"}),
    "testing": LAYERS[3],
    "web": LAYERS[4],
    "scripts": LAYERS[4],
}

# All that a part may import from elsewhere, where not everything goes.
ELSEWHERE: Final[Mapping[str, frozenset[str]]] = {
    "version": frozenset(),
    "errors": sys.stdlib_module_names,
    "wire": sys.stdlib_module_names | {"attr", "attrs"},
    "board": sys.stdlib_module_names
    | {"attr", "attrs", "zope", "twisted.internet.interfaces"},
}

# What touches files, sockets, threads, processes or the clock. None of it is
# for those parts that are free of I/O.
TOUCHING: Final = frozenset(
    """
    _thread asyncio concurrent fcntl glob io mmap multiprocessing os pathlib
    queue sched select selectors shutil signal socket socketserver sqlite3 ssl
    subprocess tempfile threading time
    """.split()  # noqa: SIM905, one a line would fill a page
)
TOUCHED: Final = {
    # The name of the host, which job handles start with, and no socket.
    ("txgearman.board.policy", "socket"),
}

LONGEST: Final = 500
NAMELESS: Final = frozenset(
    {"util", "common", "helper", "manager", "handler", "engine"}
)

REACTOR: Final = "twisted.internet.reactor"


@frozen
class Import:
    """
    An import of one name.

    @ivar line: where it stands.
    @ivar name: what is imported, dotted: a module, or a name in a module.
    @ivar typesOnly: whether only type checkers see it.
    @ivar lazy: whether it waits until a function is called.
    """

    line: int
    name: str
    typesOnly: bool = False
    lazy: bool = False

    def isOf(self, module: str) -> bool:
        """
        Say whether this is a module, or something in it.
        """
        return f"{self.name}.".startswith(f"{module}.")


def isForTypes(node: ast.AST) -> TypeGuard[ast.If]:
    """
    Say whether this is an C{if TYPE_CHECKING}.
    """
    return isinstance(node, ast.If) and ast.unparse(node.test) in (
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    )


@frozen
class Module:
    """
    The source of a module.

    @ivar isPackage: whether it is the C{__init__} of a package.
    """

    name: str
    source: str
    isPackage: bool = False

    @property
    def part(self) -> str:
        """
        The module or package of txgearman that it is or is in, and nothing for
        txgearman itself.
        """
        return partOf(self.name)

    def imports(self) -> Iterator[Import]:
        """
        Find the imports, wherever they stand.
        """
        return self._within(ast.parse(self.source), False, False)

    def _within(self, node: ast.AST, typesOnly: bool, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in self._named(node):
                yield Import(node.lineno, name, typesOnly, lazy)
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        forTypes = node.body if isForTypes(node) else []
        for child in ast.iter_child_nodes(node):
            yield from self._within(child, typesOnly or child in forTypes, lazy)

    def _named(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        start = node.module or ""
        if node.level:
            up = node.level - 1 if self.isPackage else node.level
            base = self.name.split(".")
            parents = base[: len(base) - up]
            start = ".".join([*parents, start] if start else parents)
        return [f"{start}.{alias.name}" for alias in node.names]


def partOf(name: str) -> str:
    """
    The part of txgearman that a dotted name is in.
    """
    return name.split(".")[1] if "." in name else ""


def mayImport(part: str, found: Import) -> bool:
    """
    Say whether a part may import that from txgearman.
    """
    other = partOf(found.name)
    if other not in LAYER_OF:
        return False
    if LAYER_OF[other] != LAYER_OF[part]:
        return LAYER_OF[other] < LAYER_OF[part]
    return other == part or other in ASIDE.get(part, ()) or found.typesOnly


@define
class Sources:
    """
    Modules that import each other, and what is wrong with them.
    """

    modules: dict[str, Module] = field(factory=dict)

    @classmethod
    def inFolder(cls, folder: Path) -> Sources:
        """
        Read a package.
        """
        sources = cls()
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            isPackage = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if isPackage else parts)
            sources.add(name, path.read_text("utf-8"), isPackage)
        return sources

    @classmethod
    def of(cls, **lines: str) -> Sources:
        """
        Make up modules of a line each. An underscore in a name is a dot, and a
        name that ends with one is a package's.
        """
        sources = cls()
        for key, line in lines.items():
            name = key.rstrip("_").replace("_", ".")
            sources.add(f"{TOP}.{name}", line, key.endswith("_"))
        return sources

    def add(self, name: str, source: str, isPackage: bool = False) -> None:
        """
        Add a module.
        """
        self.modules[name] = Module(name, source, isPackage)

    def __iter__(self) -> Iterator[tuple[Module, Import]]:
        for module in self.modules.values():
            for found in module.imports():
                yield module, found

    def withoutLayer(self) -> list[str]:
        """
        Modules of parts that the design does not know.
        """
        parts = {module.part for module in self.modules.values()}
        return sorted(parts - LAYER_OF.keys() - {""})

    def upward(self) -> list[str]:
        """
        Imports that go to a higher layer, or aside where they may not, or to
        txgearman itself, which knows all the layers.
        """
        return self._wrong(
            (module, found)
            for module, found in self
            if module.part and found.isOf(TOP) and not mayImport(module.part, found)
        )

    def elsewhere(self) -> list[str]:
        """
        Imports from outside that are not for the part they are in.
        """
        return self._wrong(
            (module, found)
            for module, found in self
            if module.part in ELSEWHERE
            and not found.isOf(TOP)
            and not any(map(found.isOf, ELSEWHERE[module.part]))
        )

    def touching(self) -> list[str]:
        """
        Imports of what does I/O in parts that are free of it.
        """
        return self._wrong(
            (module, found)
            for module, found in self
            if module.part in ELSEWHERE
            for name in TOUCHING
            if found.isOf(name) and (module.name, name) not in TOUCHED
        )

    def reactors(self) -> list[str]:
        """
        Imports of the global reactor that happen when a module is imported.
        """
        return self._wrong(
            (module, found)
            for module, found in self
            if found.isOf(REACTOR) and not found.lazy and not found.typesOnly
        )

    def cycles(self) -> list[list[str]]:
        """
        Modules that import each other at run time, now or later.
        """
        graph: dict[str, set[str]] = {name: set() for name in self.modules}
        for module, found in self:
            if not found.typesOnly and found.isOf(TOP):
                graph[module.name].add(self._moduleOf(found.name))
        return circles(graph)

    def _moduleOf(self, name: str) -> str:
        return name if name in self.modules else name.rpartition(".")[0]

    def tooLong(self) -> list[str]:
        """
        Modules of too many lines.
        """
        return [
            f"{module.name}: {len(lines)} lines"
            for module in self.modules.values()
            if len(lines := module.source.splitlines()) > LONGEST
        ]

    def nameless(self) -> list[str]:
        """
        Modules whose names say nothing.
        """
        return [
            name
            for name in self.modules
            for word in name.rpartition(".")[2].split("_")
            if word in NAMELESS or word.removesuffix("s") in NAMELESS
        ]

    def _wrong(self, found: Iterable[tuple[Module, Import]]) -> list[str]:
        return [f"{module.name}:{one.line}: {one.name}" for module, one in found]


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """
    Find ways in a graph that come back to where they began.
    """
    found: list[list[str]] = []
    done: set[str] = set()
    way: list[str] = []

    def visit(node: str) -> None:
        if node in way:
            found.append([*way[way.index(node) :], node])
        elif node not in done and node in graph:
            way.append(node)
            for following in sorted(graph[node]):
                visit(following)
            way.pop()
            done.add(node)

    for node in sorted(graph):
        visit(node)
    return found

"""YAML read from its event stream: no tags, no bombs, no surprises, and every mistake with its place.

Plain scalars mean what YAML 1.2's core schema says, and less: only `true`, `false`, `null`, whole numbers and decimal
fractions are not text. So `yes`, `010`, `0x1F`, `12:30` and `2026-01-01` stay what the user wrote.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import yaml

from orchestrator.errors import PlanError, Problem
from orchestrator.inputs.yaml_tree import ListNode, MapNode, Node, Place, Scalar, WrittenFloat

MAX_DEPTH = 32
MAX_NODES = 20_000  # with every alias written out
MERGE = "<<"
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30}|[0-9]{1,30}(?=[eE]))(?:[eE][-+]?[0-9]{1,4})?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_yaml(text: str, file: str) -> tuple[MapNode, list[Problem]]:
    """The document's mapping, and mistakes that did not stop the reading. Raises PlanError on those that do."""
    composer = _Composer(file=file, events=yaml.parse(text, Loader=yaml.SafeLoader))
    try:
        root = composer.document()
    except yaml.YAMLError as error:
        raise PlanError([*composer.problems, _syntax_problem(error, text, file)]) from None
    if not isinstance(root, MapNode):
        raise composer.fatal(root.place, "a plan is a mapping: lines such as 'name: nightly'")
    return root, composer.problems


@dataclass(kw_only=True)
class _Composer:
    """Builds nodes from events. Recursion is as deep as the document, which MAX_DEPTH bounds first."""

    file: str
    events: Iterator[yaml.Event]
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    count: int = 0

    def document(self) -> Node:
        """The only document of the stream."""
        next(self.events)  # the stream's start
        first = next(self.events)
        if isinstance(first, yaml.StreamEndEvent):
            raise PlanError([Problem(file=self.file, message="the plan is empty", hint="'bench init' writes one")])
        root = self.node(next(self.events), depth=1)
        next(self.events)  # the document's end
        another = next(self.events)
        if isinstance(another, yaml.DocumentStartEvent):
            self.problem(_place(another), "a second document begins: a plan is one")
        return root

    def node(self, event: yaml.Event, depth: int) -> Node:
        """The node that begins with this event."""
        place = _place(event)
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(str(event.anchor), place, depth)
        self._spend(1, place)
        if depth > MAX_DEPTH:
            raise self.fatal(place, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            self.problem(place, f"the tag {event.tag[:60]!r} is not read", "write plain YAML; quotes make text")
        made = self._made(event, place, depth)
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            # registered only when it is whole, so that no node can contain itself
            self.anchors[event.anchor] = made
        return made

    def _made(self, event: yaml.Event, place: Place, depth: int) -> Node:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place, depth)
        if isinstance(event, yaml.ScalarEvent):
            is_plain = event.implicit[0]
            return Scalar(place=place, text=event.value, value=_resolve(event.value) if is_plain else event.value)
        items = [self.node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
        return ListNode(place=place, items=items, **_measure(items))

    def _aliased(self, anchor: str, place: Place, depth: int) -> Node:
        found = self.anchors.get(anchor)
        if found is None:
            raise self.fatal(place, f"*{anchor[:60]} has no anchor &{anchor[:60]} before it")
        self._spend(found.size, place)
        if depth + found.height - 1 > MAX_DEPTH:
            raise self.fatal(place, f"nested deeper than {MAX_DEPTH} levels, with its aliases written out")
        return found

    def _mapping(self, place: Place, depth: int) -> MapNode:
        values: dict[str, Node] = {}
        places: dict[str, Place] = {}
        merged: list[MapNode] = []
        for event in self._until(yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            value = self.node(next(self.events), depth + 1)
            if not isinstance(key, Scalar):
                self.problem(key.place, "a key must be a word, not a list or a mapping")
            elif key.text == MERGE:
                merged += self._mergeable(value)
            elif key.text in values:
                first = places[key.text]
                self.problem(
                    key.place, f"{key.text[:60]!r} is already given in line {first.line}, column {first.column}"
                )
            else:
                values[key.text], places[key.text] = value, key.place
        for other in merged:
            values = {**other.values, **values}
            places = {**other.key_places, **places}
        return MapNode(place=place, values=values, key_places=places, **_measure(values.values()))

    def _mergeable(self, value: Node) -> list[MapNode]:
        found = value.items if isinstance(value, ListNode) else [value]
        mappings = [node for node in found if isinstance(node, MapNode)]
        if len(mappings) < len(found):
            self.problem(value.place, f"{MERGE} takes in mappings, such as *an_anchor")
        return mappings

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event

    def _spend(self, nodes: int, place: Place) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            raise self.fatal(place, f"more than {MAX_NODES:,} values, with its aliases written out")

    def problem(self, place: Place, message: str, hint: str = "") -> None:
        """Notes a mistake and goes on."""
        self.problems.append(Problem(file=self.file, line=place.line, column=place.column, message=message, hint=hint))

    def fatal(self, place: Place, message: str) -> PlanError:
        """The error that ends the reading here."""
        self.problem(place, message)
        return PlanError(self.problems)


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(line=mark.line + 1, column=mark.column + 1) if mark else Place(line=0, column=0)


def _measure(nodes: Collection[Node]) -> dict[str, int]:
    return {"height": 1 + max((node.height for node in nodes), default=0), "size": 1 + sum(n.size for n in nodes)}


def _resolve(text: str) -> str | int | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return WrittenFloat(text) if _FLOAT.fullmatch(text) else text


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        place = Place(line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
        return _problem(file, place, f"the character U+{ord(text[error.position]):04X} is not allowed in YAML")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(line=mark.line + 1, column=mark.column + 1) if mark else Place(line=0, column=0)
    said = str(getattr(error, "problem", None) or "cannot be read")
    return _problem(file, place, f"not valid YAML: {said[:200]}", _syntax_hint(error, said))


def _syntax_hint(error: yaml.YAMLError, said: str) -> str:
    if "'\\t'" in said:
        return "indent with spaces"
    context, mark = getattr(error, "context", None), getattr(error, "context_mark", None)
    return f"{context[:100]} that begins in line {mark.line + 1}" if context and mark else ""


def _problem(file: str, place: Place, message: str, hint: str = "") -> Problem:
    return Problem(file=file, line=place.line, column=place.column, message=message, hint=hint)

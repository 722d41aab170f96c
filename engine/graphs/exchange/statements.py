"""The statements that DOT and DAGitty share: ``kind name { node [a=b]; node -> node; }``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.graphs.exchange.assemble import problem
from engine.graphs.exchange.names import quoted, unquoted

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/|^\#[^\n]*)
      | (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<edge><->|<-@|@->|@-@|@--|--@|<-|->|--)
      | (?P<word>-?\d+(?:\.\d*)?(?![\w.])|[\w.]+)
      | (?P<sign>[{}\[\];,=])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_WORDS = ("node", "edge", "graph", "digraph", "subgraph", "strict", "dag", "mag", "pdag", "pag")


@dataclass(frozen=True)
class Token:
    """A word, name, sign or edge with its line."""

    line: int
    role: str
    text: str


@dataclass
class Statement:
    """One statement: names with the edges between them and attributes behind; no edge makes it a node or a default."""

    line: int
    names: list[str]
    edges: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    is_default: bool = False


def name(text: str) -> str:
    """Write a name: plain if it is one ASCII word and not a word of the language, else in double quotes."""
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in _WORDS else quoted(text)


def parse(text: str) -> tuple[Token, list[Statement]]:
    """Return the word that names the kind of graph, and the statements between the braces."""
    reader = _Reader(list(_tokens(text)))
    head = reader.take("word", "the kind of graph, such as 'digraph' or 'dag'")
    if head.text.lower() == "strict":
        head = reader.take("word", "'graph' or 'digraph'")
    if reader.peek("word", "text"):
        reader.step()
    reader.take("sign", "'{'", "{")
    found = []
    while not reader.peek_sign("}"):
        if reader.peek_sign(";") or reader.peek_sign(","):
            reader.step()
        else:
            found.append(reader.statement())
    reader.step()
    if not reader.at_end():
        raise problem(reader.line, "there is more text after the closing brace.", "Give one graph per text.")
    return head, found


def _tokens(text: str) -> Iterator[Token]:
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match or match.lastgroup is None:
            raise problem(
                line, f"'{text[at : at + 20].split(chr(10))[0]}' is not understood.", "Put names with spaces or signs in double quotes."
            )
        if match.lastgroup != "space":
            yield Token(line, match.lastgroup, match[0])
        line += match[0].count("\n")
        at = match.end()


class _Reader:
    """Steps through the tokens; the end of the text is a mistake wherever something is still expected."""

    def __init__(self, tokens: list[Token]):
        self.tokens, self.at = tokens, 0

    @property
    def line(self) -> int:
        return self.tokens[min(self.at, len(self.tokens) - 1)].line if self.tokens else 1

    def at_end(self) -> bool:
        return self.at >= len(self.tokens)

    def peek(self, *roles: str) -> bool:
        return not self.at_end() and self.tokens[self.at].role in roles

    def peek_sign(self, sign: str) -> bool:
        if self.at_end():
            raise problem(self.line, "the text ends before the graph does.", "Add the closing brace.")
        return self.tokens[self.at] == Token(self.line, "sign", sign)

    def step(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, role: str, expected: str, text: str | None = None) -> Token:
        if not self.peek(role) or (text is not None and self.tokens[self.at].text != text):
            seen = "the end" if self.at_end() else f"'{self.tokens[self.at].text}'"
            raise problem(self.line, f"{expected} is expected, not {seen}.")
        return self.step()

    def name(self) -> str:
        if not self.peek("word", "text"):
            seen = "the end" if self.at_end() else f"'{self.tokens[self.at].text}'"
            raise problem(self.line, f"the name of a node is expected, not {seen}.", "Groups in braces are not read; name each edge.")
        return unquoted(self.step().text)

    def statement(self) -> Statement:
        is_word = self.peek("word") and self.tokens[self.at].text.lower() in ("node", "edge", "graph")
        made = Statement(self.line, [self.name()])
        if not self.at_end() and self.peek_sign("="):
            self.step()
            return Statement(made.line, [], [], {made.names[0]: self.name()})
        while self.peek("edge"):
            made.edges.append(self.step().text)
            made.names.append(self.name())
        made.is_default = is_word and not made.edges and not self.at_end() and self.peek_sign("[")
        while not self.at_end() and self.peek_sign("["):
            self.step()
            made.attributes |= self._attributes()
        return made

    def _attributes(self) -> dict[str, str]:
        found = {}
        while not self.peek_sign("]"):
            if self.peek_sign(",") or self.peek_sign(";"):
                self.step()
                continue
            key = self.name()
            found[key] = ""
            if self.peek_sign("="):
                self.step()
                found[key] = self.name()
        self.step()
        return found

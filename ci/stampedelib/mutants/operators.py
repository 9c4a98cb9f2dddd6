"""The operators that make mutants. Each is a function that yields lists of edits for a node.

Texts of messages are not changed, because nothing depends on them. The page docs/MUTANTS.md shows
the docstrings of the operators.
"""
import re
from collections.abc import Callable, Iterator

from clang.cindex import Cursor, CursorKind, TypeKind

from .mutant import Edit
from .syntax import Range, Source, closing, extent, split_at, trim

Edits = list[Edit]
Found = Iterator[Edits]
Above = tuple[Cursor, ...]  # the nodes above a node, beginning with the function
K = CursorKind

MESSAGES = ("fail", "format_text")  # functions whose arguments are texts for people

BINARY = {
    "relation": {"<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="]},
    "connect": {"&&": ["||"], "||": ["&&"]},
    "arithmetic": {"+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"], "<<": [">>"],
                   ">>": ["<<"], "&": ["|"], "|": ["&"], "^": ["|", "&"]},
    "assign": {"+=": ["-=", "="], "-=": ["+=", "="], "|=": ["&="], "&=": ["|="]},
}
STATEMENTS = (K.CALL_EXPR, K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR, K.UNARY_OPERATOR,
              K.UNEXPOSED_EXPR, K.BREAK_STMT, K.CONTINUE_STMT)
BODIES = {K.IF_STMT: slice(1, None), K.WHILE_STMT: slice(1, None), K.FOR_STMT: slice(-1, None),
          K.DO_STMT: slice(0, 1), K.COMPOUND_STMT: slice(0, None)}
GUARDS = re.compile(rb"\b(spinlock_irq_(un)?lock|irq_(save|restore)|(un)?lock_all|lock_own_cache|__atomic_store_n)\(")
INTEGERS = (TypeKind.UINT, TypeKind.ULONG, TypeKind.ULONGLONG, TypeKind.INT, TypeKind.LONG,
            TypeKind.USHORT, TypeKind.UCHAR, TypeKind.ENUM)


def _replace(source: Source, where: Range, text: bytes) -> Edit:
    """An edit that does not reduce the number of lines."""
    lost = source.slice(where).count(b"\n") - text.count(b"\n")
    return Edit(where[0], where[1], text + b"\n" * max(0, lost))


def _wrap(where: Range, before: bytes, after: bytes) -> Edits:
    return [Edit(where[0], where[0], before), Edit(where[1], where[1], after)]


# ---- conditions ----

def _condition(source: Source, node: Cursor) -> Range | None:
    """The range of the condition of a statement or of ?:, if it has one."""
    children = list(node.get_children())
    if node.kind in (K.IF_STMT, K.WHILE_STMT, K.CONDITIONAL_OPERATOR):
        return extent(children[0])
    if node.kind == K.DO_STMT:
        return extent(children[1])
    opening = source.text.index(b"(", extent(node)[0])
    parts = split_at(source.text, (opening + 1, closing(source.text, opening)), b";")
    return parts[1] if parts[1][0] < parts[1][1] else None


def negate(source: Source, node: Cursor, _above: Above) -> Found:
    """if (a) -> if (!(a))"""
    if node.kind in (K.IF_STMT, K.WHILE_STMT, K.DO_STMT, K.FOR_STMT, K.CONDITIONAL_OPERATOR):
        where = _condition(source, node)
        if where:
            yield _wrap(where, b"!(", b")")


def _operator(source: Source, node: Cursor) -> tuple[str, Range, list[Range]] | None:
    """The sign of a binary operator, its range, and the ranges of its two sides."""
    if node.kind not in (K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR):
        return None
    left, right = (extent(child) for child in node.get_children())
    where = trim(source.text, (left[1], right[0]))
    return source.slice(where).decode(), where, [left, right]


def _binary(operator: str) -> Callable[[Source, Cursor, Above], Found]:
    def change(source: Source, node: Cursor, _above: Above) -> Found:
        found = _operator(source, node)
        if not found:
            return
        for other in BINARY[operator].get(found[0], []):
            yield [_replace(source, found[1], other.encode())]
    change.__doc__ = ", ".join(f"{one} -> {' or '.join(others)}"
                               for one, others in BINARY[operator].items())
    return change


def term(source: Source, node: Cursor, _above: Above) -> Found:
    """a && b -> a, and -> b"""
    found = _operator(source, node)
    if found and found[0] in ("&&", "||"):
        left, right = found[2]
        yield [_replace(source, (left[1], right[1]), b"")]
        yield [_replace(source, (left[0], right[0]), b"")]


# ---- values ----

def constant(source: Source, node: Cursor, _above: Above) -> Found:
    """1 -> 2, 1 -> 0; MAX_ORDER -> MAX_ORDER + 1"""
    where = extent(node)
    text = source.slice(where)
    if node.kind == K.INTEGER_LITERAL:
        value = int(text.rstrip(b"uUlL"), 0)
        yield [_replace(source, where, b"%d" % (value + 1))]
        if value:
            yield [_replace(source, where, b"%d" % (value - 1))]
    elif _is_enumerator(node) and not node.referenced.semantic_parent.spelling:
        yield _wrap(where, b"(", b" + 1)")
        yield _wrap(where, b"(", b" - 1)")


def _is_enumerator(node: Cursor) -> bool:
    return (node.kind == K.DECL_REF_EXPR and node.referenced is not None
            and node.referenced.kind == K.ENUM_CONSTANT_DECL)


def another(source: Source, node: Cursor, _above: Above) -> Found:
    """PAGE_BUSY -> the enumerator before it, or the one after it"""
    if not _is_enumerator(node) or not node.referenced.semantic_parent.spelling:
        return
    names = [one.spelling for one in node.referenced.semantic_parent.get_children()]
    place = names.index(node.spelling)
    for other in (names[(place + 1) % len(names)], names[place - 1]):
        yield [_replace(source, extent(node), other.encode())]


def unary(source: Source, node: Cursor, _above: Above) -> Found:
    """!a -> a, ~a -> a, -a -> a, a++ -> a--"""
    if node.kind != K.UNARY_OPERATOR:
        return
    where = extent(node)
    text = source.slice(where)
    if text[:2] in (b"++", b"--"):
        yield [Edit(where[0], where[0] + 2, b"--" if text[:2] == b"++" else b"++")]
    elif text[-2:] in (b"++", b"--"):
        yield [Edit(where[1] - 2, where[1], b"--" if text[-2:] == b"++" else b"++")]
    elif text[:1] in (b"!", b"~", b"-"):
        yield [Edit(where[0], where[0] + 1, b"")]


def result(source: Source, node: Cursor, _above: Above) -> Found:
    """return a -> return !a, return 0, return a + 1"""
    children = list(node.get_children()) if node.kind == K.RETURN_STMT else []
    if not children:
        return
    where, kind = extent(children[0]), children[0].type.get_canonical().kind
    if kind == TypeKind.BOOL or source.slice(where) in (b"true", b"false"):
        yield _wrap(where, b"!(", b")")
    elif kind == TypeKind.POINTER:
        yield [_replace(source, where, b"0")]
    else:
        yield [_replace(source, where, b"0")]
        yield _wrap(where, b"(", b") + 1")


def swap(source: Source, node: Cursor, _above: Above) -> Found:
    """f(a, b) -> f(b, a), if both are integers or both have the same type"""
    if node.kind != K.CALL_EXPR or node.spelling in MESSAGES:
        return
    words = list(node.get_arguments())
    for left, right in zip(words, words[1:]):
        kinds = [word.type.get_canonical() for word in (left, right)]
        if kinds[0] == kinds[1] or all(kind.kind in INTEGERS for kind in kinds):
            yield [_replace(source, extent(left), source.slice(extent(right))),
                   _replace(source, extent(right), source.slice(extent(left)))]


# ---- statements ----

def _is_body(node: Cursor, above: Above) -> bool:
    """Whether a node is a complete statement."""
    part = BODIES.get(above[-1].kind) if above else None
    return part is not None and node in list(above[-1].get_children())[part]


def drop(source: Source, node: Cursor, above: Above) -> Found:
    """a = b; -> ; the same for calls, break, continue, and a return in an inner statement"""
    if _is_body(node, above) and (node.kind in STATEMENTS or
                                  node.kind == K.RETURN_STMT and len(above) > 2):
        yield [_replace(source, extent(node), b"")]


def exchange(source: Source, node: Cursor, _above: Above) -> Found:
    """lock(); a; -> a; lock(); the same for all calls that order what cores and handlers see"""
    if node.kind != K.COMPOUND_STMT:
        return
    children = list(node.get_children())
    for left, right in zip(children, children[1:]):
        where = [source.statement(extent(one)) for one in (left, right)]
        texts = [source.slice(one) for one in where]
        if right.kind == K.RETURN_STMT or not any(map(GUARDS.search, texts)):
            continue
        yield [Edit(*where[0], texts[1]), Edit(*where[1], texts[0])]


# ---- cores and handlers ----

def _calls(source: Source, function: Cursor, name: bytes) -> list[tuple[Range, bytes]]:
    """The calls of function `name`: the range of each, and its first argument."""
    start, end = extent(function)
    found = []
    for match in re.finditer(rb"\b" + name + rb"\(", source.text[start:end]):
        opening = start + match.end() - 1
        where = (start + match.start(), closing(source.text, opening) + 1)
        words = split_at(source.text, (opening + 1, where[1] - 1), b",")
        found.append((where, source.slice(words[0])))
    return found


def unlocked(source: Source, node: Cursor, _above: Above) -> Found:
    """neither lock nor unlock: once with interrupts unchanged, once with interrupts off"""
    if node.kind != K.FUNCTION_DECL:
        return
    for where, lock in _calls(source, node, b"spinlock_irq_lock"):
        frees = [one for one, word in _calls(source, node, b"spinlock_irq_unlock") if word == lock]
        if not frees:
            continue
        yield [_replace(source, where, b"irq_flags()"),
               *(_replace(source, one, b"") for one in frees)]
        yield [_replace(source, where, b"irq_save()"),
               *(_replace(source, one, b"irq_restore" + _last_word(source, one)) for one in frees)]


def _last_word(source: Source, where: Range) -> bytes:
    opening = source.text.index(b"(", where[0])
    return b"(" + source.slice(split_at(source.text, (opening + 1, where[1] - 1), b",")[-1]) + b")"


def interrupts(source: Source, node: Cursor, _above: Above) -> Found:
    """irq_save() -> irq_flags(): interrupts stay as they are"""
    if node.kind == K.FUNCTION_DECL:
        for where, _ in _calls(source, node, b"irq_save"):
            yield [_replace(source, where, b"irq_flags()")]


def order(source: Source, node: Cursor, _above: Above) -> Found:
    """acquire and release -> relaxed"""
    if node.kind == K.FUNCTION_DECL:
        start, end = extent(node)
        for match in re.finditer(rb"__ATOMIC_(ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)",
                                 source.text[start:end]):
            yield [Edit(start + match.start(), start + match.end(), b"__ATOMIC_RELAXED")]


PLAIN = {
    b"__atomic_load_n": b"(*(%s))",
    b"__atomic_store_n": b"(*(%s) = (%s))",
    b"__atomic_compare_exchange_n":
        b"({ bool same_ = *(%s) == *(%s); if (same_) *(%s) = (%s); else *(%s) = *(%s); same_; })",
}


def plain(source: Source, node: Cursor, _above: Above) -> Found:
    """an atomic access -> an ordinary access"""
    if node.kind != K.FUNCTION_DECL:
        return
    for name, form in PLAIN.items():
        for where, _ in _calls(source, node, name):
            opening = source.text.index(b"(", where[0])
            words = [source.slice(one) for one in
                     split_at(source.text, (opening + 1, where[1] - 1), b",")]
            place, expected, wanted = words[0], words[1], words[2] if len(words) > 2 else b""
            fill = {1: (place,), 2: (place, expected),
                    6: (place, expected, place, wanted, expected, place)}[form.count(b"%s")]
            yield [_replace(source, where, form % fill)]


OPERATORS: dict[str, Callable[[Source, Cursor, Above], Found]] = {
    "negate": negate, **{name: _binary(name) for name in BINARY}, "term": term,
    "constant": constant, "another": another, "unary": unary, "result": result, "swap": swap,
    "drop": drop, "exchange": exchange, "unlocked": unlocked, "interrupts": interrupts,
    "order": order, "plain": plain,
}

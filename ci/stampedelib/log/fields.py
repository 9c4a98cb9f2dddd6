"""The only reader of key=value in lines of the log: docs/LOG.md, "Values"."""
import re

KEY = re.compile(r"([a-z][a-z0-9_-]*)=")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|\\?$)')  # a truncated line may end inside quotes
BARE = re.compile(r"[^ ]*")
ESCAPED = re.compile(r"\\(.)")
WHOLE_REST = "title"  # the value of this key is the unchanged rest of the line
INTEGER = re.compile(r"-?[0-9]+")
DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")

Value = int | float | str


def read(text: str) -> dict[str, str]:
    """The values at the beginning of `text`, up to the first word that is not key=value.

    The rest of the line is for people.
    """
    values: dict[str, str] = {}
    at = 0
    while key := KEY.match(text, at):
        if key[1] == WHOLE_REST:
            values[key[1]] = text[key.end():]
            break
        value = QUOTED.match(text, key.end()) or BARE.match(text, key.end())
        assert value  # BARE matches anything
        values[key[1]] = ESCAPED.sub(r"\1", value[1]) if value.re is QUOTED else value[0]
        at = value.end()
        if text[at:at + 1] != " ":
            break
        at += 1
    return values


def read_numbers(text: str) -> dict[str, Value]:
    """Like read(), but decimal numbers become int or float."""
    return {key: _number(value) for key, value in read(text).items()}


def _number(text: str) -> Value:
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if DECIMAL.fullmatch(text) else text

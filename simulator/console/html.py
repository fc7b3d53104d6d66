"""Build HTML with functions. Every text is escaped, except `Markup`."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})

Attribute = str | int | float | bool | None


class Markup(str):
    """Text that is already HTML. Only `element` and `together` create it."""

    __slots__ = ()


Child: TypeAlias = "str | int | float | Iterable[Child] | None"


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """Return `<tag …>children</tag>`.

    An attribute with the value True has no value in HTML; False and None omit it. A trailing underscore of a name is
    dropped (`class_`), other underscores become dashes (`data_live` is `data-live`).
    """
    opening = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    if tag in VOID:
        return Markup(opening)
    return Markup(f"{opening}{together(*children)}</{tag}>")


def together(*children: Child) -> Markup:
    """Join the children."""
    return Markup("".join(_child(child) for child in children))


def _child(child: Child) -> str:
    match child:
        case None:
            return ""
        case Markup():
            return child
        case str() | int() | float():
            return _escaped(child)
        case _:
            return together(*child)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    written = name.rstrip("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{_escaped(value)}"'


def _escaped(value: object) -> str:
    # A JSON string may hold half a surrogate pair; UTF-8 cannot encode it.
    return escape(str(value).encode(errors="replace").decode())

"""HTML out of functions. Every text is escaped on its way in, so nothing has to be remembered."""

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})

Attribute = str | int | float | bool | None


class Markup(str):
    """Text that is HTML already. Made by `element` alone."""

    __slots__ = ()


Child: TypeAlias = "str | int | float | Iterable[Child] | None"


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """`<tag …>children</tag>`. Of attributes, True is one without value, False and None are none.

    `class_` and `for_` lose their underscore, all others become dashes: `data_live` is `data-live`.
    """
    opening = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    if tag in VOID:
        return Markup(opening)
    return Markup(f"{opening}{together(*children)}</{tag}>")


def together(*children: Child) -> Markup:
    """The children one after the other."""
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
    # JSON can hold half characters, UTF-8 cannot.
    return escape(str(value).encode(errors="replace").decode())

"""The page's icons: one sprite, referred to by name."""

from simulator.console.html import Markup, element


def icon(name: str) -> Markup:
    """Decoration: a text beside it says the same."""
    use = element("use", href=f"/simulator/static/icons.svg#{name}")
    return element("svg", use, class_="icon", aria_hidden="true")

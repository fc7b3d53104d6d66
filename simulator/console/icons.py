"""The page's icons, from one SVG sprite."""

from simulator.console.html import Markup, element


def icon(name: str) -> Markup:
    """Return a decorative icon. Put a text with the same meaning beside it."""
    use = element("use", href=f"/simulator/static/icons.svg#{name}")
    return element("svg", use, class_="icon", aria_hidden="true")

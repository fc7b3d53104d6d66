"""English words that say nothing about a sentence's subject."""

STOP_WORDS = frozenset(
    """
    a about all am an and any are as at be been but by can could did do does for from had has have how i
    if in is it its let like me more much my need of on or please s should so some tell than that the
    their them then there these they this to us want was we were what when where which who why will with
    would you your
    """.split()  # noqa: SIM905 - words read better as prose
)

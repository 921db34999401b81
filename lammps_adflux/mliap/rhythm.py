"""At which steps something will be asked for, judged by those at which it was."""


class Rhythm:
    """Steps at which something was asked for; the next one where they are evenly spaced."""

    def __init__(self):
        self._steps: list[int] = []

    def note(self, step: int) -> None:
        """Asked for at this step."""
        self._steps = [*[s for s in self._steps if s != step][-1:], step]

    def expects(self, step: int) -> bool:
        """Is this step as far from the last one as that was from the one before?"""
        if len(self._steps) < 2:
            return False
        before, last = self._steps
        return step == last + (last - before)

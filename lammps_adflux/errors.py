"""The one exception for faults that the user can mend."""


class AdfluxError(Exception):
    """Its text is one clear sentence: what was needed, what was found, what to do."""

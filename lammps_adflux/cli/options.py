"""Sentences of the library, which name arguments, as the command line says them: with options."""

import re
from collections.abc import Iterable

SWITCHES = {"per_volume=True": "--per-volume", "per_volume=False": "--extensive"}


def as_options(sentence: str, arguments: Iterable[str]) -> str:
    """`give cutoff=` becomes `give --cutoff`, `cell="iso"` becomes `--cell iso`.

    Only names in `arguments`, those of the command at hand, are turned into options.
    """
    for argument, switch in SWITCHES.items():
        sentence = sentence.replace(argument, switch)
    names = "|".join(sorted(map(re.escape, arguments), key=len, reverse=True))
    if not names:
        return sentence

    def option(found: re.Match) -> str:
        name, value = found[1].replace("_", "-"), (found[2] or "").strip('"')
        return f"--{name} {value}".rstrip()

    value = r'("[^"]*"|\d+)?'
    return re.sub(rf"(?<![\w.-])({names})={value}(?=[\s,.;:)]|$)", option, sentence)

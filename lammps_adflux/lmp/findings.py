"""What an examination found, line by line."""

from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True)
class Finding:
    """One line; `good` is None for what is merely reported, or could not be looked at.

    The main job would not run if one with `needed` is not good.
    """

    name: str
    good: bool | None
    text: str
    advice: str = ""
    needed: bool = True


def healthy(findings: list[Finding]) -> bool:
    """Whether the main job would run."""
    return all(finding.good is not False for finding in findings if finding.needed)


def print_findings(findings: list[Finding]) -> None:
    """One line each, with advice where something is missing."""
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        sign, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}[finding.good]
        console.print(f"[{style}]{sign}[/] {finding.name:<14}", end=" ")
        console.print(finding.text, markup=False)
        if finding.good is False:
            console.print(f"  {'':<14} → {finding.advice}", markup=False)

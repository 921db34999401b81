"""Pages of the site that are made from what stands elsewhere: README, examples, command line,
templates, public names.
"""

import re
from importlib.metadata import version
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
PLACES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
LINK = re.compile(r"(\]\()(?!https?://|#|mailto:)([^)\s#]+)(#[^)\s]*)?(\))")


def on_config(config):
    """The gallery's pages, one for each example; every page names the version that it describes."""
    config["copyright"] = f"lammps_adflux {version('lammps-adflux')}"
    gallery: list = ["gallery/index.md"]
    gallery += [{title_of(path): page} for path, page in examples().items()]
    for entry in config["nav"]:
        if "Gallery" in entry:
            entry["Gallery"] = gallery
    return config


def on_files(files, config):
    """Add the pages."""
    made = {page: relinked(ROOT / source, page) for source, page in PLACES.items()}
    made |= {page: relinked(path, page) for path, page in examples().items()}
    made["gallery/index.md"] = gallery_page()
    made["reference/python.md"] = python_page()
    made["reference/commands.md"] = commands_page()
    made["reference/templates.md"] = templates_page()
    made |= {figure_of(path): path.read_bytes() for path in (ROOT / "examples").glob("*/*.png")}
    for page, content in made.items():
        files.append(File.generated(config, page, content=content))
    return files


def examples() -> dict[Path, str]:
    """READMEs of the examples, and their pages."""
    found = sorted((ROOT / "examples").glob("*/README.md"))
    return {path: f"gallery/{path.parent.name}.md" for path in found}


def figure_of(path: Path) -> str:
    """Where the site has a figure of an example."""
    return f"gallery/{path.parent.name}/{path.name}"


def title_of(path: Path) -> str:
    """The first heading."""
    return path.read_text().splitlines()[0].removeprefix("# ")


def page_of(path: Path) -> str | None:
    """The page that shows a file of the repository, or a file in docs/ itself."""
    if path.is_dir() and (path / "README.md").exists():
        path = path / "README.md"
    for source, page in PLACES.items():
        if path == ROOT / source:
            return page
    if path in (known := examples()):
        return known[path]
    if path.suffix == ".png" and path.parent.parent == ROOT / "examples" and path.is_file():
        return figure_of(path)
    if path.is_relative_to(ROOT / "docs") and path.is_file():
        return path.relative_to(ROOT / "docs").as_posix()
    return None


def relinked(path: Path, page: str) -> str:
    """The text of a file with links as its page needs them; files without a page become names."""
    up = "../" * page.count("/")

    def link(match: re.Match) -> str:
        target = (path.parent / match[2]).resolve()
        shown = page_of(target)
        return "](PLAIN)" if shown is None else f"]({up}{shown}{match[3] or ''})"

    text = LINK.sub(link, path.read_text())
    return re.sub(r"\[([^\]]*)\]\(PLAIN\)", r"\1", text)


def on_page_markdown(markdown, page, config, files):
    """Links of the pages in docs/ to the rest of the repository."""
    source = ROOT / "docs" / page.file.src_uri
    return relinked(source, page.file.src_uri) if source.is_file() else markdown


def gallery_page() -> str:
    """Every example with its figure, its title and what it says first."""
    cards = []
    for path, page in examples().items():
        text = relinked(path, "gallery/index.md")
        figure = re.search(r"!\[[^\]]*\]\([^)]+\)", text)
        first = text.split("\n\n")[1].rstrip(":")
        # one card is one item of a list
        parts = [f"**[{title_of(path)}]({Path(page).name})**", figure[0] if figure else "", first]
        cards.append("\n\n    ".join(part.replace("\n", " ") for part in parts if part))
    listed = "\n\n".join(f"-   {card}" for card in cards)
    return f'# Gallery\n\n<div class="grid cards" markdown>\n\n{listed}\n\n</div>\n'


def python_page() -> str:
    """All public names, by the room that they live in."""
    from lammps_adflux import _HOME

    rooms: dict[str, list[str]] = {}
    for name, home in _HOME.items():
        rooms.setdefault(TITLES.get(home.split(".")[0], "More"), []).append(
            f"lammps_adflux.{home}.{name}"
        )
    parts = [
        "# Python\n",
        "`import lammps_adflux as adflux`; every name here is one of `adflux`.\n",
    ]
    for title, names in rooms.items():
        parts += [f"\n## {title}\n", *(f"\n::: {name}\n" for name in names)]
    return "".join(parts)


TITLES = {
    "errors": "Errors",
    "graph": "Graphs and structures",
    "structures": "Graphs and structures",
    "potentials": "Potentials",
    "derivatives": "Energy, forces, heat flux",
    "flux": "Energy, forces, heat flux",
    "modelfile": "Model files",
    "implicit": "Derivatives of relaxed structures, inverse design",
    "conductivity": "Conductivity",
    "paths": "Model files",
}


def commands_page() -> str:
    """What --help says of every command."""
    import typer

    from lammps_adflux.cli.main import app

    parts = ["# Command line\n"]

    def describe(command, name: str, depth: int) -> None:
        parts.append(f"\n{'#' * min(depth, 4)} {name}\n\n{(command.help or '').strip()}\n\n")
        rows = [
            (
                ", ".join(f"`{word}`" for word in parameter.opts) or f"`{parameter.name}`",
                (getattr(parameter, "help", None) or "").replace("|", "\\|"),
            )
            for parameter in command.params
            if parameter.name != "help"
        ]
        if rows:
            parts.append("| argument | |\n|---|---|\n")
            parts.extend(f"| {words} | {text} |\n" for words, text in rows)
        for inner, sub in getattr(command, "commands", {}).items():
            describe(sub, f"{name} {inner}", depth + 1)

    describe(typer.main.get_command(app), "adflux", 2)
    return "".join(parts)


def templates_page() -> str:
    """The comments at the top of the input templates."""
    parts = [
        "# Input templates\n\n",
        "`include ${adflux}/NAME`, with `lmp -var adflux $(adflux path)` or `adflux run`.\n",
    ]
    for path in sorted((ROOT / "input_templates").glob("*.lmp")):
        top = []
        for line in path.read_text().splitlines():
            if not line.startswith("#"):
                break
            top.append(line.removeprefix("#").removeprefix(" "))
        parts.append(f"\n## {path.name}\n\n```text\n" + "\n".join(top) + "\n```\n")
    return "".join(parts)

"""The words of LAMMPS' commands and of its thermo output."""

# commands that are recognised where a job was appended to the half row of one that was killed
COMMANDS = (
    *(
        "atom_modify",
        "atom_style",
        "boundary",
        "box",
        "change_box",
        "clear",
        "comm_modify",
        "compute",
    ),
    *(
        "create_atoms",
        "create_box",
        "dimension",
        "dump",
        "echo",
        "fix",
        "group",
        "if",
        "include",
        "info",
        "jump",
    ),
    *(
        "label",
        "lattice",
        "log",
        "mass",
        "minimize",
        "neigh_modify",
        "neighbor",
        "newton",
        "package",
        "pair_coeff",
    ),
    *(
        "pair_style",
        "print",
        "processors",
        "python",
        "read_data",
        "read_restart",
        "region",
        "replicate",
        "rerun",
    ),
    *(
        "reset_timestep",
        "restart",
        "run",
        "run_style",
        "shell",
        "special_bonds",
        "suffix",
        "thermo",
        "thermo_modify",
    ),
    *(
        "thermo_style",
        "timestep",
        "timer",
        "undump",
        "unfix",
        "units",
        "variable",
        "velocity",
        "write_restart",
    ),
)
# what thermo output calls its keywords
HEADINGS = {
    "step": "Step",
    "elapsed": "Elapsed",
    "dt": "Dt",
    "time": "Time",
    "temp": "Temp",
    "vol": "Volume",
    "lx": "Lx",
    "ly": "Ly",
    "lz": "Lz",
}


def split_words(text: str) -> tuple[list[str], bool]:
    """Words of a command as LAMMPS splits it: quotes group, what follows a # outside quotes is a
    comment.

    False: a $ stands outside quotes, so that LAMMPS substitutes it and echoes the command once
    more.
    """
    words: list[str] = []
    word: str | None = None
    quote, index, complete = "", 0, True
    while index < len(text):
        if quote:
            if text.startswith(quote, index):
                words.append(word or "")
                index += len(quote)
                word, quote = None, ""
                continue
            word = (word or "") + text[index]
        elif word is None and text[index] in "\"'":
            quote = '"""' if text.startswith('"""', index) else text[index]
            index += len(quote)
            word = ""
            continue
        elif text[index] == "#":
            break
        elif text[index].isspace():
            if word is not None:
                words.append(word)
            word = None
        else:
            complete &= text[index] != "$"
            word = (word or "") + text[index]
        index += 1
    if word is not None:
        words.append(word)
    return words, complete

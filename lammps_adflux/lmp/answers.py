"""What an `lmp` says of itself: its help text, and a probe that runs inside it."""

import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

PROBE = Path(__file__).with_name("doctor_probe.py")


def help_text(lmp: Path) -> dict:
    """What `lmp -h` says of itself."""
    output, _ = _run([str(lmp), "-h"], timeout=60)
    date = re.search(r"Massively Parallel Simulator - (\d+ \w{3} \d{4})", output)
    if not date:
        return {"output": repr(output[:60]) if output else "nothing"}
    mpi = re.search(r"^MPI v[\d.]+: *(.*)$", output, flags=re.M)
    kokkos = re.search(r"^KOKKOS package API: *(.*)$", output, flags=re.M)
    return {
        "date": date[1],
        "mpi": " ".join(mpi[1].split()) if mpi else "no MPI",
        "kokkos": kokkos[1].strip() if kokkos else "",
    }


def ask(command: list[str], everything: bool = False) -> dict:
    """The answer of doctor_probe.py from inside lmp, or `failure`."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "in.doctor")
        script.write_text(f"python source {PROBE}\n")
        environment = {**os.environ, "ADFLUX_DOCTOR": "all" if everything else "mpi"}
        words = [*command, "-log", "none", "-in", str(script)]
        output, code = _run(words, timeout=120, cwd=folder, environment=environment)
    answers = re.findall(r"^adflux doctor: (\{.*\})$", output, flags=re.M)
    if answers:
        return json.loads(answers[0])
    errors = re.findall(r"^ERROR.*", output, flags=re.M) or [
        line for line in output.splitlines() if line.strip()
    ]
    return {"failure": errors[-1].strip() if errors else f"it ended with code {code} and no output"}


def _run(
    command: list[str],
    *,
    timeout: int | float,
    cwd: str | None = None,
    environment: dict[str, str] | None = None,
) -> tuple[str, int]:
    """Output and exit code; what does not end in time is stopped, with all that it has started."""
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, text=True, errors="replace", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        return f"ERROR: {error}", 1
    with process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"ERROR: no answer within {timeout:.0f} s", 1
    return output, process.returncode

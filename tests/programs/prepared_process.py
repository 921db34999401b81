"""What `prepare` sets; prints JSON."""

import json
import os

from lammps_adflux.process import prepare

prepare()
import jax  # noqa: E402

print(json.dumps(dict(os.environ) | {"x64": bool(jax.config.read("jax_enable_x64"))}))

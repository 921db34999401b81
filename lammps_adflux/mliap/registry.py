"""What runs in this process: the plugins that LAMMPS holds, and the LAMMPSs that are followed.

LAMMPS holds the life of a plugin, so the registry has weak references only: what a replaced pair
style, `clear`, or a finished relaxation leaves behind is freed.
"""

import ctypes
import itertools
import weakref
from typing import Any


class Registry:
    """Plugins in the order of their making, attachments by the address of their LAMMPS."""

    def __init__(self):
        self._plugins: list[weakref.ref] = []
        self._events = itertools.count(1)
        # taken out when their LAMMPS ends, see attach.py
        self.attachments: dict[int, Any] = {}

    def add(self, plugin) -> None:
        """Know a plugin as long as something else holds it; free those that LAMMPS has dropped."""
        self.sweep()
        self._plugins.append(weakref.ref(plugin, self._forget))

    def _forget(self, reference) -> None:
        if reference in self._plugins:
            self._plugins.remove(reference)

    def sweep(self) -> None:
        """Free what plugins hold that LAMMPS has dropped.

        LAMMPS' interface object has a reference too many, so that it stays, and its plugin with it.
        """
        for reference in list(self._plugins):
            plugin = reference()
            if plugin is not None and plugin.interface is not None and not plugin.alive:
                plugin.release()
                self._forget(reference)

    def plugins(self) -> list:
        """The plugins that exist, the oldest first."""
        found = (reference() for reference in self._plugins)
        return [plugin for plugin in found if plugin is not None]

    def next_event(self) -> int:
        """The number of what happens now: later events have larger ones."""
        return next(self._events)


registry = Registry()


def address_of(pointer) -> int:
    """The address in a capsule that LAMMPS hands to Python."""
    ctypes.pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
    ctypes.pythonapi.PyCapsule_GetPointer.argtypes = (ctypes.py_object, ctypes.c_char_p)
    return ctypes.pythonapi.PyCapsule_GetPointer(pointer, None)

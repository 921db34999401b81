"""Relaxed structures, and their derivatives by the parameters of the potential."""

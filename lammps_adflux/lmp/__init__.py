"""The program `lmp`: build, find, examine and run it."""

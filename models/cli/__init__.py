"""The command `rollcall-models`: models that are not shipped, onto a machine and off it."""

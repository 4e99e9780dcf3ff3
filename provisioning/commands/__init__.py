"""The commands of `rollcall-provision`, one module each."""

"""Sets a server up on a machine with systemd: users, settings, units, the first administrator."""

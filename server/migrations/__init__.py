"""Database migrations, run at start under a lock and by `rollcall-server migrate`."""

"""The one job queue: work that waits in the database until a worker finishes it."""

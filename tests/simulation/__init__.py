"""Deterministic simulation of a school's kiosks, broker and servers in virtual time.

The product's own code runs unchanged: a kiosk is its `KioskProcess` and `Device` with attendant,
outbox, recovery, gallery, uploader, downloader and clock; a server is the whole FastAPI
application with its ingest writer, housekeeping, registers and SQLite file. One process, one
seeded scheduler, no threads. `ambient` answers for time, chance, commits, fsync and sockets of the
machine whose code runs. `faults` lists what can go wrong, `oracle` what must hold all the same.

Not simulated: threads and their races (each step runs to its end), Qt, camera and recognition
(faces are scripted), real TCP, TLS and paho (`links` and `network` stand in), Mosquitto itself
(`broker` follows its rules), PostgreSQL, photos and the recognition service, the internals of a
real disk (fsync works, except where a fault takes written pages or the journal away), and waiting
inside SQLite for another process's lock. Idle rounds are rarer than in a real kiosk, at night most
of all.
"""

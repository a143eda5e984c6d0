"""Recordings that people bring: `/v1/jobs` (docs/recordings.md), and who works on them.

door         what is asked over HTTP, and answered; with `asking`, `upload`, `events`, `download`
register     the records in KV, one for each recording: who changes one does so by compare-and-set
recorder     takes what waits, and does it: `work` feeds a session, `gathering` and `track` keep what comes of it,
             `packing` makes the zip file in a process of its own
"""

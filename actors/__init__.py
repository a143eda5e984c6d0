"""The scheduler: one actor per session, which folds its mailbox into jobs and events. See `actors/session.py`."""

"""OpenAI's Realtime API: speech that is written down while it is spoken, and speech that is put into another language.

    messages, events            what clients say, and what they are told
    configuration, interpreting what they ask of a session that transcribes, or translates
    story, rendition            what such a session tells, retold
    door                        a client's socket; `transcription` and `translation` are its kinds
    client_secrets              keys for browsers
    routes                      all of it, put into the application

docs/openai.md has a table of all events and fields, and how this differs.
"""

from ingress.openai.realtime.routes import install

__all__ = ["install"]

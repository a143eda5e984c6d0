"""OpenAI's audio API, for programs that speak it already: docs/openai.md says what of it there is, and how it differs.

Every call is a session like any other (`ingress.recital`), so that what is promised of sessions holds here, too.
"""

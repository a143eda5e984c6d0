"""Audio in any form that people keep it in, to PCM and back.

What strangers send is decoded in a child process (`decoding`), what Dragoman says is encoded in this one (`encoding`);
`g711` is what telephones speak. Nothing here knows sessions, HTTP or NATS.
"""

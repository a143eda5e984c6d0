"""A stand-in for the Hugging Face hub on 127.0.0.1: as much of its protocol as fetching a public repository takes.

Made after what huggingface_hub 2.4 asks for; it counts what it sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    def __init__(self, url: str, sent: Counter[str]) -> None:
        self.url = url
        self.sent = sent
        """How often each file went out whole."""


@contextlib.contextmanager
def serving(repositories: Mapping[str, Mapping[str, bytes]], licence: str = "mit") -> Iterator[Hub]:
    """`repositories`: name -> path -> content."""
    sent: Counter[str] = Counter()

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            body, kind = self._found()
            if body is None:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                sent[self.path.rsplit("/", 1)[1]] += 1
                self.wfile.write(body)

        def _found(self) -> tuple[bytes | None, str]:
            path = self.path.partition("?")[0]
            for name, files in repositories.items():
                if path.startswith(f"/api/models/{name}/tree/"):
                    tree = [
                        {"type": "file", "path": file, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}
                        for file, body in files.items()
                    ]
                    return json.dumps(tree).encode(), "application/json"
                if path.startswith(f"/api/models/{name}"):
                    told = {
                        "id": name,
                        "sha": COMMIT,
                        "siblings": [{"rfilename": file} for file in files],
                        "cardData": {"license": licence},
                    }
                    return json.dumps(told).encode(), "application/json"
                if path.startswith(f"/{name}/resolve/"):
                    return files.get(
                        path.removeprefix(f"/{name}/resolve/").partition("/")[2]
                    ), "application/octet-stream"
            return None, ""

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Hub(f"http://127.0.0.1:{server.server_address[1]}", sent)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

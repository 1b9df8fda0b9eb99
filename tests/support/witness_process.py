"""A witness as others run it: a program of its own, behind a socket, that keeps what it has seen in a file.

python -m tests.support.witness_process PORT NAME SEED LOG-VKEY STATE-FILE
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx2

from ledger.keys import SigningKey, key_from_text
from ledger.note import COSIGNATURE_V1, VerifierKey
from tests.support.witnesses import SmallWitness


def main(port: int, key: SigningKey, log_key: VerifierKey, state: Path) -> None:
    """Answer until the end."""
    seen = json.loads(state.read_text()) if state.exists() else None
    witness = SmallWitness(key, log_key)
    if seen:
        witness.size, witness.root = seen["size"], bytes.fromhex(seen["root"])

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = witness.answer(httpx2.Request("POST", f"http://witness{self.path}", content=body))
            unfinished = state.with_suffix(".part")  # kept before it is said, or a crash could have it sign a fork
            unfinished.write_text(json.dumps({"size": witness.size, "root": witness.root.hex()}))
            unfinished.replace(state)
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

    HTTPServer(("127.0.0.1", port), Answering).serve_forever()


if __name__ == "__main__":
    _, port, name, seed, vkey, file = sys.argv
    main(int(port), key_from_text(name, seed, COSIGNATURE_V1), VerifierKey.parse(vkey), Path(file))

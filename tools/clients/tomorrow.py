"""A service of tomorrow: a state and a reason that the clients of today do not know. Prints where it listens."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IMPORT = {"requestId": "x", "state": "IMPORT_STATE_OF_TOMORROW", "fieldOfTomorrow": {"deep": [1]}}
ERROR = {
    "code": 8,
    "message": "tomorrow",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "REASON_OF_TOMORROW", "domain": "loop.cegid.internal"}],
}


class Tomorrow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, answer = (429, ERROR) if "/accounts" in self.path else (200, {"importRecord": IMPORT})
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Tomorrow)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()

"""A receiver of webhooks on loopback, which keeps what it got and answers as it is told."""

import contextlib
import http.server
import json
import threading
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


class Receiver:
    def __init__(self, tls=None):
        """With *tls*, the context of a server, it speaks HTTPS."""
        self.got, self.answers, self.arrived = [], [], threading.Semaphore(0)
        self.asked = []  # what stood after POST in the first line of each request
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append((headers, body))
                receiver.asked.append(self.path)
                answer = receiver.answers.pop(0) if receiver.answers else 200
                receiver.arrived.release()
                if callable(answer):
                    answer = answer()
                with contextlib.suppress(OSError):
                    self.send_response(answer)
                    if 300 <= answer < 400:
                        self.send_header("location", receiver.url + "/elsewhere")
                    self.send_header("content-length", "0")
                    self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.got]

    def documents(self):
        """Everything that arrived; its signatures are those of the reference implementation."""
        for headers, body in self.got:
            moment = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            signature = Webhook(SECRET).sign(headers["webhook-id"], moment, body.decode())
            assert headers["webhook-signature"] == signature
        return [json.loads(body) for _, body in self.got]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

"""Object stores on loopback: moto's S3, and the few calls of Google's and Azure's that reading needs."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

STAMP = "2026-10-02T00:00:00.000Z"


@contextmanager
def served(handler):
    """A server of *handler* on a free port of loopback: its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Store(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing."""

    def say(self, status, body=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def part(self, body):
        """The bytes that a Range header asks for, and the headers that say so."""
        asked = self.headers.get("Range") or self.headers.get("x-ms-range")
        if not asked:
            return 200, body, {}
        first, _, last = asked.removeprefix("bytes=").partition("-")
        piece = body[int(first) : int(last) + 1 if last else None]
        end = int(first) + len(piece) - 1
        return 206, piece, {"Content_Range": f"bytes {first}-{end}/{len(body)}"}


def google(objects):
    """Google Cloud Storage's JSON API over ``{"bucket/key": bytes}``."""

    class Google(_Store):
        def do_GET(self):
            url = urlsplit(self.path)
            query = parse_qs(url.query)
            bucket, _, key = unquote(url.path.partition("/b/")[2]).partition("/o")
            name = f"{bucket}{key}"
            if key.startswith("/") and name in objects:
                if "alt" in query:
                    status, body, headers = self.part(objects[name])
                    self.say(status, body, "application/octet-stream", **headers)
                else:
                    self.say(200, json.dumps(self.told(bucket, key[1:])).encode())
            elif key in {"", "/"}:
                prefix = query.get("prefix", [""])[0]
                keys = [each.partition("/")[2] for each in objects]
                items = [self.told(bucket, k) for k in sorted(keys) if k.startswith(prefix)]
                self.say(200, json.dumps({"items": items}).encode())
            else:
                self.say(404, b'{"error": {"code": 404, "message": "No such object"}}')

        def told(self, bucket, key):
            size = str(len(objects[f"{bucket}/{key}"]))
            return {
                "bucket": bucket,
                "name": key,
                "size": size,
                "updated": STAMP,
                "generation": "1",
            }

    return Google


def azure(objects):
    """Azure Blob Storage over ``{"container/key": bytes}``, of the account devstoreaccount1."""

    class Azure(_Store):
        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            url = urlsplit(self.path)
            query = parse_qs(url.query)
            name = unquote(url.path).removeprefix("/devstoreaccount1/")
            if query.get("comp") == ["list"]:
                self.listed(name, query)
            elif name in objects:
                status, body, headers = self.part(objects[name])
                self.say(status, body, "application/octet-stream", ETag='"1"', x_ms_blob_type="BlockBlob",
                         Last_Modified=formatdate(0, usegmt=True), **headers)  # fmt: skip
            else:
                self.say(404, b"", x_ms_error_code="BlobNotFound")

        def listed(self, container, query):
            prefix = query.get("prefix", [""])[0]
            delimiter = query.get("delimiter", [None])[0]
            keys = [k.partition("/")[2] for k in sorted(objects) if k.startswith(f"{container}/")]
            blobs, folders = [], []
            for key in (key for key in keys if key.startswith(prefix)):
                head, found, _ = key[len(prefix) :].partition(delimiter or "\0")
                if delimiter and found:
                    folders.append(f"{prefix}{head}{delimiter}")
                else:
                    blobs.append(key)
            body = "".join(
                f"<Blob><Name>{escape(key)}</Name><Properties><Content-Length>"
                f"{len(objects[f'{container}/{key}'])}</Content-Length><BlobType>BlockBlob</BlobType>"
                f"<Last-Modified>{formatdate(0, usegmt=True)}</Last-Modified><Etag>1</Etag>"
                "</Properties></Blob>"
                for key in blobs
            ) + "".join(
                f"<BlobPrefix><Name>{escape(each)}</Name></BlobPrefix>"
                for each in sorted(set(folders))
            )
            text = (
                '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="x" '
                f'ContainerName="{container}"><Blobs>{body}</Blobs><NextMarker/></EnumerationResults>'
            )
            self.say(200, text.encode(), "application/xml")

    return Azure

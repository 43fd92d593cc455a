"""A Hugging Face Hub on loopback: as much of its API as an upload without Xet and a download need, and the bytes."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_token_of_a_test"


class Hub(ThreadingHTTPServer):
    """``repos``: name → {"kind": "datasets" or "models", "private": bool, "files": path → bytes}.
    ``objects``: sha256 → bytes of large files.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repos: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.uploads = 0
        self.refuse_uploads = False
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, status: int, content: Any = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status >= 400:
            self.send_header("X-Error-Message", content["error"])
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _stranger(self) -> bool:
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            return False
        self._answer(401, {"error": "Invalid username or password."})
        return True

    def do_GET(self) -> None:
        if self._stranger():
            return
        if "/resolve/" in self.path:
            self._resolve(with_body=True)
            return
        _, _, kind, owner, name, *rest = self.path.partition("?")[0].split("/")
        repo = self.server.repos.get(f"{owner}/{name}")
        if repo is None or repo["kind"] != kind:
            self._answer(404, {"error": "Repository not found"})
        elif rest[:1] == ["tree"]:
            self._answer(
                200,
                [
                    {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                    for path, content in repo["files"].items()
                ],
            )
        else:
            self._answer(200, {"id": f"{owner}/{name}", "private": repo["private"], "tags": [], "siblings": []})

    def do_HEAD(self) -> None:
        if not self._stranger():
            self._resolve(with_body=False)

    def _resolve(self, with_body: bool) -> None:
        """A file of a model, as it is downloaded."""
        name, _, path = self.path.partition("?")[0].removeprefix("/").partition("/resolve/main/")
        content = self.server.repos[name]["files"].get(path)
        self.send_response(404 if content is None else 200)
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", str(len(content or b"")))
        self.send_header("ETag", f'"{hashlib.sha256(content or b"").hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if with_body:
            self.wfile.write(content or b"")

    def do_POST(self) -> None:
        if self._stranger():
            return
        body = self._body()
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith((".tar", ".parquet", ".safetensors")) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            self._answer(200, {"files": files})
        elif path.endswith("/info/lfs/objects/batch"):
            self._batch(json.loads(body))
        elif path.endswith("/commit/main"):
            owner, name = path.split("/")[3:5]
            self._commit(f"{owner}/{name}", body)
        else:
            self._answer(404, {"error": f"no {path} here"})

    def do_PUT(self) -> None:
        body = self._body()
        if self.server.refuse_uploads:
            self._answer(403, {"error": "no space left for you"})
            return
        sha256 = self.path.rpartition("/")[2]
        assert hashlib.sha256(body).hexdigest() == sha256
        self.server.objects[sha256] = body
        self.server.uploads += 1
        self._answer(200, {})

    def _create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        kind = "datasets" if wanted.get("type") == "dataset" else "models"
        address = f"{self.server.url}/{'datasets/' if kind == 'datasets' else ''}{name}"
        if wanted["organization"] != "lab":
            self._answer(403, {"error": f"You do not have the rights to create {name}"})
        elif name in self.server.repos:
            self._answer(409, {"error": "You already created this repo", "url": address})
        else:
            private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
            self.server.repos[name] = {"kind": kind, "private": private, "files": {}}
            self._answer(200, {"url": address})

    def _batch(self, wanted: dict[str, Any]) -> None:
        objects = []
        for item in wanted["objects"]:
            if item["oid"] not in self.server.objects:
                item["actions"] = {"upload": {"href": f"{self.server.url}/objects/{item['oid']}"}}
            objects.append(item)
        self._answer(200, {"transfer": "basic", "objects": objects})

    def _commit(self, name: str, body: bytes) -> None:
        files = self.server.repos[name]["files"]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        oid = "0" * 40
        self._answer(
            200, {"commitUrl": f"{self.server.url}/datasets/{name}/commit/{oid}", "commitOid": oid, "success": True}
        )

"""A service with a simulated Loop for one language: started, reached through a proxy that can cut, restarted."""

import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 60  # seconds for what only something broken does not do


def until(what: str, condition: Callable[[], T | None]) -> T:
    """Wait for a condition; what it answers is returned."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.02)
    return found


class Proxy:
    """A TCP proxy in a thread of its own, between a client and the service: it can cut connections."""

    def __init__(self) -> None:
        self.target = ("", 0)
        self._connections: set[asyncio.StreamWriter] = set()
        self._cut_after: int | None = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def cut(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._end)

    def cut_after(self, count: int) -> None:
        """End the connection that first brings so many bytes to a client, once."""
        self._cut_after = count

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    def _end(self) -> None:
        for writer in list(self._connections):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up, down = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._connections |= {writer, down}
        await asyncio.gather(self._copy(reader, down, counts=False), self._copy(up, writer, counts=True))
        self._connections -= {writer, down}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool) -> None:
        seen = 0
        try:
            while piece := await reader.read(16384):
                seen += len(piece)
                if counts and self._cut_after is not None and seen > self._cut_after:
                    self._cut_after = None
                    self._end()
                writer.write(piece)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            else:
                writer.close()
        except (OSError, RuntimeError):
            writer.transport.abort()


def authority(folder: Path) -> None:
    """Make a private authority, and of it a certificate for the server and one for a client."""
    folder.mkdir(parents=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", "authority.key", "-out", "authority.pem", "-days", "7", "-subj", "/CN=Test")
    for name, names in {"server": "DNS:localhost,IP:127.0.0.1", "client": "URI:spiffe://example.com/samples"}.items():
        (folder / "extensions").write_text(f"subjectAltName={names}\nextendedKeyUsage={name}Auth\nkeyUsage=digitalSignature\n")
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", "request", "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", "request", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"),
            *("-days", "7", "-extfile", "extensions", "-out", f"{name}.pem"),
        )
        # Java reads keys of this form alone, and so does serve.
        openssl("pkcs8", "-topk8", "-nocrypt", "-in", f"{name}.key", "-out", f"{name}-key.pem")


class World:
    """The sandbox without TLS; with TLS the service as it is run, and a simulated Loop beside it."""

    def __init__(self, server: str, loopsim: str, folder: Path, certificates: Path | None) -> None:
        self.folder, self.certificates, self._server = folder, certificates, server
        folder.mkdir(parents=True)
        self.token = secrets.token_urlsafe(32)
        self.grpc, self.rest = Proxy(), Proxy()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._starts = 0
        if certificates is None:
            self._start_sandbox()
        else:
            said = self._spawn([loopsim, "-listen", "127.0.0.1:0"], "loopsim")
            self.simulator = self._found(said, rb"http://[0-9.:]+/_sim/").decode()
            self._write()
            self._start_server()
        self.simulate("imports/mode", {"waiting": "300ms", "running": "0s"})

    def _spawn(self, command: list[str], name: str) -> Path:
        said = self.folder / f"{name}-{self._starts}.log"
        self._starts += 1
        with said.open("wb") as out:
            self._processes.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=self.folder))
        return said

    def _found(self, said: Path, pattern: bytes) -> bytes:
        process = self._processes[-1]

        def look() -> re.Match[bytes] | None:
            if process.poll() is not None:
                raise ChildProcessError(said.read_text())
            return re.search(pattern, said.read_bytes())

        return until(f"{pattern!r} in {said}", look).group()

    def _start_sandbox(self) -> None:
        ports = [f"--{name}=0" for name in ("grpc", "http", "operations", "simulator")]
        said = self._spawn([self._server, "sandbox", *ports, f"--token={self.token}"], "sandbox")
        self.simulator = self._found(said, rb"http://[0-9.:]+/_sim/").decode()
        text = said.read_text()
        for proxy, pattern in ((self.grpc, r"gRPC +([0-9.]+):(\d+)"), (self.rest, r"REST +http://([0-9.]+):(\d+)")):
            host, port = re.search(pattern, text).groups()  # type: ignore[union-attr]
            proxy.target = (host, int(port))

    def _write(self) -> None:
        base = self.simulator.replace("/_sim/", "/loop-api-publiques")
        tls = self.certificates
        keys = {  # those of the simulator, which everybody knows
            "subscription": "sandbox-subscription-primary",
            "standard": "sandbox-partner-standard:sandbox-partner-secret",
            "advanced": "sandbox-demo-advanced:sandbox-demo-secret",
        }
        for name, key in keys.items():
            (self.folder / name).write_text(key)
        (self.folder / "gateway.yaml").write_text(f"""\
listen: {{grpc: "127.0.0.1:0", http: "127.0.0.1:0", operations: "127.0.0.1:0"}}
tls: {{certificate: {tls}/server.pem, key: {tls}/server-key.pem, client_authorities: {tls}/authority.pem}}
loop: {{base_url: "{base}", allow_plain_http: true, subscription_keys: {{primary: "${{file:subscription}}"}}}}
practices:
  - {{name: demo, keys: {{advanced: "${{file:advanced}}"}}, dossiers: [{{code: CEGID001}}, {{code: CEGID003}}]}}
  - {{name: partner, keys: {{standard: "${{file:standard}}"}}, dossiers: [{{code: BIG00001}}]}}
policy: policy.yaml
ledger: ledger.db
audit: {{file: audit.log}}
imports: {{first_poll: 100ms, last_poll: 1s}}
shutdown: {{drain: 0s, grace: 5s}}
""")
        (self.folder / "policy.yaml").write_text(f"""\
callers:
  - name: samples
    token_hashes: ["sha256:{sha256(self.token.encode()).hexdigest()}"]
    certificates: ["spiffe://example.com/samples"]
grants:
  - {{caller: samples, practices: ["*"], dossiers: ["*"], rights: [read, write]}}
""")
        subprocess.run(
            [self._server, "ledger", "init", "--ledger", "ledger.db"], cwd=self.folder, check=True, capture_output=True
        )

    def _start_server(self) -> None:
        said = self._spawn([self._server, "serve", "--config", "gateway.yaml"], "serve")
        self._found(said, rb'"msg":"serving"')
        line = next(json.loads(line) for line in said.read_text().splitlines() if '"msg":"serving"' in line)
        for proxy, name in ((self.grpc, "grpc"), (self.rest, "http")):
            host, port = line[name].rsplit(":", 1)
            proxy.target = (host, int(port))

    def restart(self) -> None:
        """Stop the service as an operator does, and start it again."""
        process = self._processes.pop()
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        self._start_server()

    def simulate(self, path: str, body: object = None, method: str | None = None) -> str:
        """Direct the simulated Loop, or ask it."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.simulator + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def booked(self, reference: str) -> int:
        """How many imports with this reference Loop has taken."""
        lines = self.simulate(f"imports?refPiece={reference}").splitlines()
        return sum(json.loads(line)["outcome"] in ("waiting", "running", "booked") for line in lines)

    def environment(self) -> dict[str, str]:
        """What a program is told: where the service is, and who calls."""
        told = {
            "LOOP_ADDRESS": f"localhost:{self.grpc.port}",
            "LOOP_URL": f"http{'s' if self.certificates else ''}://localhost:{self.rest.port}",
            "LOOP_TOKEN": self.token,
            "LOOP_PRACTICE": "demo",
            "LOOP_DOSSIER": "CEGID001",
        }
        if self.certificates:
            told["LOOP_AUTHORITY"] = str(self.certificates / "authority.pem")
        return os.environ | told

    def close(self) -> None:
        """End all that was started."""
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

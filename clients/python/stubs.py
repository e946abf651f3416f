"""Makes the stubs when the wheel is built: messages by protoc, and a typed method for each call of the contract."""

import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "cegid.loop.v1"
HEAD = '"""Made by stubs.py from the contract: do not edit."""\n\n'
# Written by hand in _client.py and aio.py: they go on where they were cut.
BY_HAND = {"WatchImport", "StreamEvents"}
SCALARS = {
    FieldDescriptorProto.TYPE_STRING: "str",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_INT32: "int",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
}
KNOWN = {
    ".google.protobuf.Timestamp": "datetime.datetime",
    ".google.protobuf.FieldMask": "field_mask_pb2.FieldMask",
}


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Contract:
    """The contract with its comments."""

    def __init__(self, files: list[FileDescriptorProto]) -> None:
        self.files = files
        self.messages = {f".{PACKAGE}.{message.name}": message for file in files for message in file.message_type}
        self.comments: dict[tuple[str, ...], str] = {}
        for file in files:
            for at in file.source_code_info.location:
                if at.leading_comments:
                    self.comments[(file.name, *map(str, at.path))] = at.leading_comments.strip()
        self.fields = {
            (message.name, field.name): self.comments.get((file.name, "4", str(i), "2", str(j)), "")
            for file in files
            for i, message in enumerate(file.message_type)
            for j, field in enumerate(message.field)
        }

    def calls(self) -> Iterator[tuple[str, descriptor_pb2.MethodDescriptorProto, str]]:
        """Each call that is not written by hand: its path, itself, what it does."""
        for file in self.files:
            for i, service in enumerate(file.service):
                for j, method in enumerate(service.method):
                    if method.name not in BY_HAND:
                        path = f"/{PACKAGE}.{service.name}/{method.name}"
                        yield path, method, self.comments[file.name, "6", str(i), "2", str(j)]

    def argument(self, field: FieldDescriptorProto) -> str:
        """The type of a field as an argument."""
        if field.type == FieldDescriptorProto.TYPE_MESSAGE:
            if known := KNOWN.get(field.type_name):
                return known
            message = self.messages.get(field.type_name)
            if message is None:  # nested: the only ones are maps
                return "Mapping[str, str]"
            return f"Iterable[m.{message.name}]" if repeated(field) else f"m.{message.name}"
        if field.type == FieldDescriptorProto.TYPE_ENUM:
            kind = f"m.{field.type_name.rsplit('.', 1)[1]} | str"
        else:
            kind = SCALARS[field.type]
        return f"Iterable[{kind}]" if repeated(field) else kind


def repeated(field: FieldDescriptorProto) -> bool:
    return field.label == FieldDescriptorProto.LABEL_REPEATED


def items(message: DescriptorProto, *, paged: bool) -> FieldDescriptorProto | None:
    """The list of a page, or of a message that holds nothing else."""
    fields = [field for field in message.field if repeated(field)]
    return fields[0] if len(fields) == 1 and (paged or len(message.field) == 1) else None


def document(text: str, indent: str) -> str:
    wrapped = [textwrap.fill(" ".join(part.split()), 110 - len(indent)) for part in text.split("\n\n")]
    return textwrap.indent("\n\n".join(wrapped), indent)


def method(
    contract: Contract, path: str, call: descriptor_pb2.MethodDescriptorProto, comment: str, *, aio: bool
) -> str:
    request, response = contract.messages[call.input_type], contract.messages[call.output_type]
    said = contract.messages[request.field[0].type_name] if call.client_streaming else request
    paged = any(field.name == "page_token" for field in request.field)
    fields = [field for field in said.field if field.name != "page_token"]
    needed = ["practice"] if "RawService" in path else ["practice", "dossier", "request_id", "entries"]
    arguments = ["self", *(f"{f.name}: {contract.argument(f)}" for f in fields if f.name in needed)]
    documents = [(f.name, contract.fields[said.name, f.name]) for f in fields]
    if call.client_streaming:
        arguments.append("file: str | os.PathLike[str] | BinaryIO")
        documents.append(
            ("file", "Path, or a file that is open for reading bytes and can be rewound; a path names the file, too.")
        )
        documents.append(("progress", "Called with the bytes that were sent, and with those there are."))
    arguments.append("*")
    arguments += [f"{f.name}: {contract.argument(f)} | None = None" for f in fields if f.name not in needed]
    if call.client_streaming:
        arguments.append("progress: Callable[[int, int], None] | None = None")
    arguments.append("timeout: float | None = None")
    documents.append(("timeout", "Seconds for all of it, repetitions included; that of the client by default."))

    made = f"m.{said.name}({', '.join(f'{f.name}={f.name}' for f in fields)})"
    answer, asyncs, waits = f"m.{response.name}", "async " if aio else "", "await " if aio else ""
    listed = items(response, paged=paged)
    if call.client_streaming:
        made = f"Upload({path!r}, m.{request.name}, {made}, file, progress)"
    if paged or call.server_streaming:
        each, takes = answer, "lambda answer: [answer]"
        if listed:
            each, takes = f"m.{listed.type_name.rsplit('.', 1)[1]}", f"lambda answer: answer.{listed.name}"
        answer, asyncs = f"{'Async' if aio else ''}Iterator[{each}]", ""
        do = f"self.{'_pages' if paged else '_stream'}({path!r}, request, {f'm.{response.name}, {takes}'}, timeout)"
        if call.client_streaming:
            do = f"self._report(request, m.{response.name}, timeout)"
    elif call.client_streaming:
        do = f"{waits}self._upload(request, m.{response.name}, timeout)"
    else:
        kind = {0: "Kind.ONCE", 1: "Kind.READ", 2: "Kind.WRITE"}[call.options.idempotency_level]
        do = f"{waits}self._call({path!r}, request, m.{response.name}, {kind}, timeout)"
    lines = [document(comment, "        ").strip(), "", "        Args:"]
    for name, text in documents:
        wrapped = textwrap.fill(f"{name}: {' '.join(text.split())}", 96, subsequent_indent="    ")
        lines.append(textwrap.indent(wrapped, " " * 12))
    text = "\n".join(lines).replace("\\", "\\\\")
    return (
        f"    {asyncs}def {snake(call.name)}({', '.join(arguments)}) -> {answer}:\n"
        f'        """{text}\n        """\n'
        f"        request = {made}\n"
        f"        return {do}\n"
    )


# What a client does for the calls: itself, or with `async`.
MADE_OF = """
    @abc.abstractmethod
    {async_}def _call(self, path: str, request: Any, response: type[R], kind: Kind, timeout: float | None) -> R: ...

    @abc.abstractmethod
    {async_}def _upload(self, upload: Upload, response: type[R], timeout: float | None) -> R: ...

    @abc.abstractmethod
    def _report(self, upload: Upload, response: type[R], timeout: float | None) -> {iterator}[R]: ...

    @abc.abstractmethod
    def _stream(
        self, path: str, request: Any, response: type[R], items: Callable[[R], Iterable[T]], timeout: float | None
    ) -> {iterator}[T]: ...

    @abc.abstractmethod
    def _pages(
        self, path: str, request: Any, response: type[R], items: Callable[[R], Iterable[T]], timeout: float | None
    ) -> {iterator}[T]: ...

"""


def calls(contract: Contract, *, aio: bool) -> str:
    iterator = "AsyncIterator" if aio else "Iterator"
    out = HEAD + "import abc\nimport datetime\nimport os\n"
    out += f"from collections.abc import Callable, Iterable, {iterator}, Mapping\n"
    out += "from typing import Any, BinaryIO, TypeVar\n\n"
    out += "from google.protobuf import field_mask_pb2\nfrom google.protobuf.message import Message\n\n"
    out += "from loop_gateway import messages as m\nfrom loop_gateway._base import Kind, Upload\n\n"
    out += 'R = TypeVar("R", bound=Message)\nT = TypeVar("T")\n\n\n'
    out += f"class {'AsyncCalls' if aio else 'Calls'}(abc.ABC):\n"
    out += '    """A method for each call; what goes wrong is a LoopError."""\n'
    out += MADE_OF.format(async_="async " if aio else "", iterator=iterator)
    return out + "\n".join(method(contract, *each, aio=aio) for each in contract.calls())


def messages(contract: Contract) -> str:
    out = HEAD
    names = []
    for file in contract.files:
        module = file.name.removesuffix(".proto").replace("/", ".") + "_pb2"
        for kind in [*file.message_type, *file.enum_type]:
            out += f"from {module} import {kind.name} as {kind.name}\n"
            names.append(kind.name)
    return f"{out}\n__all__ = {sorted(names)!r}\n"


def reasons(contract: Contract, faults: dict[str, list[str]]) -> str:
    enum = next(e for file in contract.files for e in file.enum_type if e.name == "ErrorReason")
    file = next(f.name for f in contract.files if enum in f.enum_type)
    of = {reason: fault for fault, list_ in faults.items() for reason in list_ if fault != "caller"}
    known = [value.name.removeprefix("ERROR_REASON_") for value in enum.value[1:]]
    if unknown := set(of) - set(known):
        raise ValueError(f"reasons.json names {unknown}, which the contract has not")
    out = HEAD + "import enum\n\n\nclass Reason(str, enum.Enum):\n"
    out += (
        '    """Why a call failed. UNKNOWN stands for one that is newer than this package: go by the code then."""\n\n'
    )
    out += '    UNKNOWN = "UNKNOWN"\n'
    for i, name in enumerate(known, 1):
        out += f'    {name} = "{name}"\n    """{contract.comments[file, "5", "0", "2", str(i)]}"""\n'
    out += "\n\nFAULTS = {\n" + "".join(f'    Reason.{name}: "{of.get(name, "caller")}",\n' for name in known) + "}\n"
    return out


def make(root: Path, out: Path) -> None:
    """Make the stubs of the package at root in the folder out."""
    beside = (root / "bundle").exists()  # in a source distribution
    bundle = root / "bundle" if beside else root.parent.parent / "gen" / "bundle"
    faults = json.loads((root / "reasons.json" if beside else root.parent / "reasons.json").read_text())
    protos = sorted(str(file.relative_to(bundle)) for file in (bundle / "cegid").rglob("*.proto"))
    types = resources.files("grpc_tools") / "_proto"
    set_ = out / "contract.binpb"
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{bundle}", f"-I{types}", "--include_source_info"),
            *(f"--python_out={out}", f"--pyi_out={out}", f"--descriptor_set_out={set_}", *protos),
        ],
        check=True,
    )
    contract = Contract(list(descriptor_pb2.FileDescriptorSet.FromString(set_.read_bytes()).file))
    set_.unlink()
    package = out / "loop_gateway"
    package.mkdir()
    (out / "cegid" / "loop" / "v1" / "py.typed").touch()
    (package / "messages.py").write_text(messages(contract))
    (package / "_reasons.py").write_text(reasons(contract, faults))
    (package / "_calls.py").write_text(calls(contract, aio=False))
    (package / "_async_calls.py").write_text(calls(contract, aio=True))
    (package / "service_config.json").write_bytes((bundle / "service_config.json").read_bytes())
    for module in out.rglob("*_pb2.py*"):  # google.rpc is a package of its own
        assert module.is_relative_to(out / "cegid"), module  # noqa: S101


class Stubs(BuildHookInterface):  # type: ignore[type-arg]
    """Puts `cegid/loop/v1` and the typed calls of the client into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the stubs before the wheel is put together."""
        del version
        out = Path(tempfile.mkdtemp(prefix="loop-gateway-"))
        make(Path(self.root), out)
        build_data["force_include"].update({str(file): str(file.relative_to(out)) for file in out.rglob("*.*")})

"""How the sample of each language is started, once build.sh has made it."""

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"

# FOLDER is where build.sh has put what it made.
COMMANDS = {
    "python": "FOLDER/venv/bin/python EXAMPLES/python/sample.py",
    "python-aio": "FOLDER/venv/bin/python EXAMPLES/python/sample_aio.py",
    "curl": "bash EXAMPLES/curl/sample.sh",
    "typescript": "node FOLDER/typescript/built/sample.js grpc",
    "typescript-rest": "node FOLDER/typescript/built/sample.js rest",
    "go": "FOLDER/go/sample",
    "java": "java -jar FOLDER/java/target/sample.jar",
    "rust": "FOLDER/rust/release/sample",
}


def command(name: str, folder: Path) -> list[str]:
    """How to start the sample of a language."""
    return [part.replace("FOLDER", str(folder)).replace("EXAMPLES", str(EXAMPLES)) for part in COMMANDS[name].split()]

"""Runs what the packages say of themselves: each block of their READMEs, against a sandbox.

readmes.py SERVER FOLDER

SERVER is the program; FOLDER has been filled by build.sh.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from world import PATIENCE, World, authority

REPOSITORY = Path(__file__).parents[2]
FEC = "123456782FEC20261231.txt"

# What a reader has already, before each block; the last one would follow events for ever.
PYTHON = """\
from loop_gateway import Client

loop = Client("127.0.0.1:9090", plaintext=True, token="TOKEN")
token, where_i_was = "TOKEN", ""


def handle(event: object) -> None:
    assert event


def remember(cursor: str) -> None:
    assert cursor
    raise SystemExit

"""
TYPESCRIPT = """\
import { readFileSync } from "node:fs";
import { grpcClient as connect } from "loop-gateway/node";

LOOP;
const [token, whereIWas, bytes] = ["TOKEN", "", readFileSync("FEC")];
const user = { freshToken: () => token };
const handle = async (event: object) => Promise.resolve(event);
const remember = async (cursor: string) => process.exit(cursor ? 0 : 1);
void [loop, token, whereIWas, bytes, user, handle, remember];
"""
LOOP = 'const loop = connect("127.0.0.1:9090", { plaintext: true, token: "TOKEN" })'


def blocks(package: str, language: str) -> list[str]:
    """Find the blocks of a language in the README of a package."""
    text = (REPOSITORY / "clients" / package / "README.md").read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 5, f"clients/{package}/README.md has {len(found)} blocks of {language}"
    return found


def main() -> None:
    """Run the blocks of both packages."""
    server, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory(prefix="readmes-") as name:
        here = Path(name)
        authority(here / "files")
        shutil.copy(REPOSITORY / "examples" / FEC, here / "files")
        world = World(server, "", here / "world", None)

        def do(*command: str, cwd: Path) -> None:
            ended = subprocess.run(command, cwd=cwd, check=False, timeout=PATIENCE, capture_output=True, text=True)
            if ended.returncode:
                sys.exit(f"{' '.join(command)}: {ended.returncode}\n{ended.stdout}{ended.stderr}")

        def real(text: str) -> str:
            told = world.environment()
            return (
                text.replace("TOKEN", world.token)
                .replace('"anything"', f'"{world.token}"')
                .replace("127.0.0.1:9090", told["LOOP_ADDRESS"])
            )

        try:
            for number, block in enumerate(blocks("python", "python"), 1):
                program = here / f"block{number}.py"
                program.write_text(real(PYTHON + block))
                do(str(folder / "venv/bin/python"), str(program), cwd=here / "files")
            # Beside the sample, where the package is installed.
            made = folder / "typescript" / "readme"
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            for number, block in enumerate(blocks("typescript", "ts"), 1):
                before = TYPESCRIPT.replace("LOOP", "" if "const loop" in block else LOOP).replace("FEC", FEC)
                if "const loop" in block:
                    before = before.replace("void [loop, ", "void [")
                (made / f"block{number}.ts").write_text(real(before + block) + "\nprocess.exit();\n")
            programs = sorted(made.glob("*.ts"))
            options = ["--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"]
            do("npx", "tsc", *options, *map(str, programs), cwd=folder / "typescript")
            for program in programs:
                do("node", str(program.with_suffix(".js")), cwd=here / "files")
        finally:
            world.close()
    print("each block of the packages' READMEs does what it says")


if __name__ == "__main__":
    main()

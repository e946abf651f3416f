"""Does what pages tell a newcomer to do, in a folder with nothing in it.

    start.py REPOSITORY PAGE...         from a clone
    start.py --release FOLDER PAGE...   from a release alone, which is called dist there: without Go

Several pages together, as one+two, go on in the same folder. Of a page, what is in a block

- of `sh` is done, in one shell; the sandbox is kept running, as the page says
- of another language, below a comment with the name of a file, is saved in that file
- of `text` is what the block before has printed

What is different from a release is in a block of its own, which begins with a comment and replaces the block before.
"""

import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INSTEAD = "# from a release, instead\n"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"^(?:#|//|<!--) ([\w./-]+\.\w+)(?: -->)?$")

# The shell stops at the first failure; what it has started ends with it.
HEAD = """\
set -euo pipefail
FROM
start=$PWD kept=
exec 3>&1
ended() {
  local status=$?
  exec >&3
  ((status == 0)) || cat "$start/printed"
  [[ -z $kept ]] || { kill -- "-$kept" && wait "$kept"; } || true
  exit "$status"
}
trap ended EXIT
"""
KEPT = """\
set -m
(
COMMANDS) >"$start/kept" 2>&1 &
kept=$!
set +m
until grep -qs Practices: "$start/kept"; do kill -0 "$kept" || { cat "$start/kept" && exit 1; }; sleep 0.1; done
"""


# What a machine has that has no Go.
RELEASE = """\
ln -s WHERE dist
go() { echo "a release asks for Go" >&2 && return 1; }
export -f go"""


def chosen(page: Path, *, release: bool) -> list[tuple[str, str]]:
    """Return the blocks of a page that somebody does who has a clone, or a release."""
    out: list[tuple[str, str]] = []
    for language, text in BLOCK.findall(page.read_text()):
        if not text.startswith(INSTEAD):
            out.append((language, text))
        elif release:
            out[-1] = (language, text)
    if not any(language == "sh" for language, _ in out):
        raise ValueError(f"{page} gives no command")
    return out


def script(pages: list[Path], where: Path, *, release: bool) -> str:
    """Make the script of pages."""
    begin = RELEASE if release else "export LOOP_REPOSITORY=WHERE"
    out = [HEAD.replace("FROM", begin.replace("WHERE", shlex.quote(str(where))))]
    for page in pages:
        blocks = chosen(page, release=release)
        for language, text in blocks:
            name = NAME.match(text.partition("\n")[0])
            if language == "sh" and "server sandbox" in text:
                out.append(KEPT.replace("COMMANDS", text))
            elif language == "sh":
                out.append(f'exec >"$start/printed"\n{text}exec >&3\ncat "$start/printed"\n')
            elif language == "text":
                out.append(f"diff - \"$start/printed\" <<'END-OF-TEXT'\n{text}END-OF-TEXT\n")
            elif name:
                out.append(f"mkdir -p {Path(name[1]).parent}\ncat >{name[1]} <<'END-OF-FILE'\n{text}END-OF-FILE\n")
            else:
                raise ValueError(f"{page}: the block that begins with {text[:40]!r} does not say which file it is")
    return "".join(out)


def main() -> None:
    """Follow pages, and print how long that takes."""
    release = sys.argv[1] == "--release"
    where, *groups = sys.argv[1 + release :]
    for group in groups:
        pages = [Path(page) for page in group.split("+")]
        commands = script(pages, Path(where).resolve(), release=release)
        with tempfile.TemporaryDirectory(prefix="start-") as folder:
            began = time.monotonic()
            ended = subprocess.run(["bash", "-c", commands], cwd=folder, check=False)
            took = time.monotonic() - began
        if ended.returncode:
            sys.exit(f"{group}: a command fails ({ended.returncode})")
        print(f"{group}: from an empty folder to its end in {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()

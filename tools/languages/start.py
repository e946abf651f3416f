"""Does what pages tell a newcomer to do, in a folder with nothing in it: start.py REPOSITORY PAGE...

Several pages together, as one+two, go on in the same folder. Of a page, what stands in a block

- of `sh` is done, in one shell; the sandbox is kept running, as the page says
- of another language, below a comment with the name of a file, is saved in that file
- of `text` is what the block before has printed
"""

import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"^(?:#|//|<!--) ([\w./-]+\.\w+)(?: -->)?$")

# The shell stops at the first failure; what it has started ends with it.
HEAD = """\
set -euo pipefail
export LOOP_REPOSITORY=WHERE
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


def script(pages: list[Path], repository: Path) -> str:
    """Make the script of pages."""
    out = [HEAD.replace("WHERE", shlex.quote(str(repository)))]
    for page in pages:
        blocks = BLOCK.findall(page.read_text())
        if not any(language == "sh" for language, _ in blocks):
            raise ValueError(f"{page} gives no command")
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
    repository, *groups = sys.argv[1:]
    for group in groups:
        pages = [Path(page) for page in group.split("+")]
        commands = script(pages, Path(repository).resolve())
        with tempfile.TemporaryDirectory(prefix="start-") as folder:
            began = time.monotonic()
            ended = subprocess.run(["bash", "-c", commands], cwd=folder, check=False)
            took = time.monotonic() - began
        if ended.returncode:
            sys.exit(f"{group}: a command fails ({ended.returncode})")
        print(f"{group}: from an empty folder to its end in {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()

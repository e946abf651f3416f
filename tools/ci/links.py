"""Fails when a page in a folder leads to a file that is not in it: links.py FOLDER.

Those that are about the repository's own sources may.
"""

import re
import sys
from pathlib import Path

CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")

root = Path(sys.argv[1])
sources = {root / "CONTRIBUTING.md", root / "cegidclient/README.md"}
count, lost = 0, []
for page in sorted(root.rglob("*.md")):
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if ":" in target or page in sources:
            continue
        count += 1
        if not (page.parent / target).exists():
            lost.append(f"{page.relative_to(root)} leads to {target}, which is not there")
print("\n".join(lost) or f"{count} links lead somewhere")
sys.exit(bool(lost) or count == 0)

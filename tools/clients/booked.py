"""Says whether the simulator has booked the purchase invoice of an id whole: booked.py STATE.json ID"""

import json
import sys

WANT = [
    ("60700000", None, "ACHAT EXEMPLE", "100.00", "0.00"),
    ("44566000", None, "TVA 20", "20.00", "0.00"),
    ("40100000", "FEXEMPLE", "FOURNISSEUR EXEMPLE", "0.00", "120.00"),
]

state, wanted = sys.argv[1:]
with open(state, encoding="utf-8") as file:
    entries = [entry for entry in json.load(file)["imports"]["latestEntries"] if entry["refPiece"] == wanted]
got = [[tuple(line.get(name) for name in ("account", "thirdParty", "label", "debit", "credit")) for line in entry["lines"]] for entry in entries]
if got != [WANT]:
    sys.exit(f"{wanted}: the simulator has {got}")

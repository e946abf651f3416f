"""Adds up FEC and TRA files with Python's csv module, with awk, and with `server file check`: all must come to the same.

    readers.py SERVER FILE...
"""

import csv
import json
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal

AWK = r"""
BEGIN { FS = separator }
{ sub(/\r$/, "") }
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
function cents(text) { gsub(/[.,]/, "", text); return text + 0 }
{ lines++; debit += cents($at["Debit"]); credit += cents($at["Credit"]); seen[$at["JournalCode"] SUBSEP $at["EcritureNum"]] }
END { for (each in seen) entries++; printf "%d %d %.0f %.0f\n", lines, entries, debit, credit }
"""

AWK_TRA = r"""
function cents(text) { gsub(/[ .,]/, "", text); return text + 0 }
/^\*\*\*/ || substr($0, 31, 1) !~ /[ XH]/ { next }
{ lines++; if (substr($0, 130, 1) == "D") debit += cents(substr($0, 131, 20)); else credit += cents(substr($0, 131, 20))
  seen[substr($0, 1, 13) substr($0, 49, 35)] }
END { for (each in seen) entries++; printf "%d %d %.0f %.0f\n", lines, entries, debit, credit }
"""


def fec(path, text):
    separator = "|" if "|" in text.splitlines()[0] else "\t"
    journals = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    entries = set()
    for row in csv.DictReader(text.splitlines(), delimiter=separator, quoting=csv.QUOTE_NONE):
        total = journals[row["JournalCode"]]
        total[0] += 1
        total[1] += Decimal(row["Debit"].replace(",", "."))
        total[2] += Decimal(row["Credit"].replace(",", "."))
        entries.add((row["JournalCode"], row["EcritureNum"]))
    return journals, entries, awk(path, AWK, "-v", "separator=" + ("[|]" if separator == "|" else "\t"))


def tra(path, text):
    journals = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    entries = set()
    for line in text.splitlines():
        if line.startswith("***") or line[30] not in " XH":
            continue
        total = journals[line[:3].strip()]
        total[0] += 1
        total[1 if line[129] == "D" else 2] += Decimal(line[130:150].strip().replace(",", "."))
        entries.add((line[:13], line[48:83]))
    return journals, entries, awk(path, AWK_TRA)


def awk(path, program, *options):
    lines, entries, debit, credit = subprocess.run(
        ["awk", *options, program, path], check=True, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    ).stdout.split()
    return int(lines), int(entries), Decimal(debit) / 100, Decimal(credit) / 100


def main(server, paths):
    for path in paths:
        with open(path, encoding="latin-1", newline="") as file:
            text = file.read()
        kind = "tra" if text.startswith("***") else "fec"
        journals, entries, by_awk = {"fec": fec, "tra": tra}[kind](path, text)
        ours = json.loads(subprocess.run([server, "file", "check", "--json", "--format", kind, path], capture_output=True, text=True).stdout)
        told = (ours["lines"], ours["entries"], Decimal(ours["debit"]), Decimal(ours["credit"]))
        by_python = (
            sum(each[0] for each in journals.values()), len(entries), sum(each[1] for each in journals.values()), sum(each[2] for each in journals.values())
        )
        if not told == by_python == by_awk:
            sys.exit(f"{path}: the server reads {told}, Python {by_python}, awk {by_awk}")
        by_journal = {each["code"]: [each["lines"], Decimal(each["debit"]), Decimal(each["credit"])] for each in ours["journals"]}
        if by_journal != dict(journals):
            sys.exit(f"{path}: by journal the server reads {by_journal}, Python {dict(journals)}")
        print(f"{path}: {told[0]} lines, {told[1]} entries, {told[2]} and {told[3]}, by three readers")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

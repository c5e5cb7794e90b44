"""What the judges share: the golden requests of one vendor, and how a verdict is told.

A judge is run as `python judges/VENDOR.py FOLDER`, where FOLDER holds what the adapter asks upstream, one JSON file a case
(tests/it/providers says how they come about). It prints `ok N requests`, or each case that the vendor's own software refuses
and fails. Cases that the adapter itself refuses are no requests.
"""

import json
import pathlib
import sys


def judge(check):
    """Runs `check(request)` on each golden request; it raises where the vendor would not take it."""
    judged, wrong = 0, []
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
        request = json.loads(path.read_text(encoding="utf-8"))
        if "refused" in request:
            continue
        judged += 1
        try:
            check(request)
        except Exception as error:  # Whatever it is, the request is not taken.
            wrong.append(f"{path.name}: {error}")
    if wrong:
        print("refused " + "\nrefused ".join(wrong))
    elif judged:
        print(f"ok {judged} requests")
    else:
        print(f"no request in {sys.argv[1]}")
    sys.exit(bool(wrong) or not judged)

#!/usr/bin/env python3
"""compare.py CASES OURS ORACLE [SHOWN]: the agreement, and the first cases that differ.

Exits 1 when we let in what the oracle keeps out, or the reverse, in more than one case of a
thousand.
"""

import collections
import json
import sys


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


cases, ours, oracle = (lines(path) for path in sys.argv[1:4])
shown = int(sys.argv[4]) if len(sys.argv) > 4 else 5
if not cases or not len(cases) == len(ours) == len(oracle):
    sys.exit(f"{len(cases)} cases, {len(ours)} and {len(oracle)} answers")

differ = collections.Counter()
opposite = 0
for case, our, their in zip(cases, ours, oracle):
    if our["id"] != case["id"] or their["id"] != case["id"]:
        sys.exit(f"answers out of step at case {case['id']}")
    if our["answer"] == their["answer"]:
        continue
    differ[(our["answer"], their["answer"])] += 1
    if (our["answer"] == "Allow") != (their["answer"] == "Allow"):
        opposite += 1
        if opposite <= shown:
            print(f"ours {our['answer']}, oracle {their['answer']}: {json.dumps(case)}\n")

same = len(cases) - sum(differ.values())
print(f"{same} of {len(cases)} identical ({100 * same / len(cases):.3f} %), "
      f"{opposite} with another outcome")
for (our, their), count in differ.most_common():
    print(f"{count:6}  ours {our}, oracle {their}")
sys.exit(1 if opposite * 1000 > len(cases) else 0)

"""Reference of the lesson's three labs, written from its formulas.

    lab_reference.py rows N SEED           one line a case: inputs and results, hex floats
    lab_reference.py commands BINARY N SEED   runs BINARY lab ... --json on random files

Numbers go as C hex floats, so that a comparison is bit for bit.
"""

import json
import math
import os
import random
import subprocess
import sys
import tempfile


def gate(m):
    failures = []
    if m["p95_latency_ms_delta"] > 100:
        failures.append("latency")
    if m["far_field_wer_relative_delta"] > 0.03:
        failures.append("far_field_wer")
    if m["privacy_error_count"] > 0:
        failures.append("privacy")
    if failures:
        return {"decision": "rollback", "reasons": failures}
    if m["overall_wer_relative_delta"] <= -0.02:
        return {"decision": "continue", "reasons": ["quality_gain"]}
    return {"decision": "pause", "reasons": ["insufficient_gain"]}


def burn(latencies_ms, threshold_ms=250, allowed_bad_fraction=0.01):
    if not latencies_ms:
        return 0.0
    bad = sum(x > threshold_ms for x in latencies_ms)
    return bad / len(latencies_ms) / allowed_bad_fraction


DRIVERS = ("avg_context_tokens", "retry_rate", "shadow_traffic_fraction")


def cost(old, new, tolerance=0.10):
    before = old["gpu_dollars"] / max(old["successful_turns"], 1)
    after = new["gpu_dollars"] / max(new["successful_turns"], 1)
    relative = (after - before) / before
    return {
        "old_unit_cost": before,
        "new_unit_cost": after,
        "relative_delta": relative,
        "regressed": relative > tolerance,
        "drivers": [k for k in DRIVERS if new[k] > old[k]],
    }


def around(r, limit, spread):
    """Often the limit itself or a neighbouring double, else near it."""
    return r.choice([
        limit,
        math.nextafter(limit, math.inf),
        math.nextafter(limit, -math.inf),
        limit + r.uniform(-spread, spread),
        r.uniform(-spread, spread),
    ])


def random_gate(r):
    return {
        "p95_latency_ms_delta": around(r, 100.0, 300),
        "far_field_wer_relative_delta": around(r, 0.03, 0.1),
        "privacy_error_count": r.choice([0, 0, 0, 0, 1, 7]),
        "overall_wer_relative_delta": around(r, -0.02, 0.1),
    }


def random_burn(r):
    threshold = r.choice([250, 250.0, r.uniform(1, 1000)])
    n = r.choice([0, 1, 2, 3, 7, 100])
    return {
        "latencies_ms": [around(r, float(threshold), 400) for _ in range(n)],
        "threshold_ms": threshold,
        "allowed_bad_fraction": r.choice([0.01, 0.001, 0.05, 0.1, 1, r.uniform(1e-4, 1)]),
    }


def random_cost(r):
    def period():
        return {
            "gpu_dollars": r.choice([r.uniform(0.01, 1e6), r.randint(1, 10**6)]),
            "successful_turns": r.choice([0, 1, 2, r.randint(0, 10**7)]),
            "avg_context_tokens": r.choice([512, r.uniform(0, 4096)]),
            "retry_rate": r.choice([0, 0.02, r.random()]),
            "shadow_traffic_fraction": r.choice([0, 0.1, r.random()]),
        }

    old, new = period(), period()
    tolerance = r.choice([0.10, 0.10, 0, r.random()])
    if r.random() < 0.3:  # exactly at the tolerance, or as near as doubles come
        new["successful_turns"] = old["successful_turns"]
        new["gpu_dollars"] = old["gpu_dollars"] * (1 + tolerance)
    return {"old": old, "new": new, "tolerance": tolerance}


def results(kind, x):
    if kind == "gate":
        return gate(x)
    if kind == "burn":
        return {"burn_rate": burn(x["latencies_ms"], x["threshold_ms"],
                                  x["allowed_bad_fraction"])}
    return cost(x["old"], x["new"], x["tolerance"])


MAKERS = {"gate": random_gate, "burn": random_burn, "cost": random_cost}
PERIOD = ("gpu_dollars", "successful_turns") + DRIVERS


def row(kind, x):
    y = results(kind, x)
    if kind == "gate":
        numbers = [x[k] for k in ("p95_latency_ms_delta", "far_field_wer_relative_delta",
                                  "overall_wer_relative_delta", "privacy_error_count")]
        tail = [y["decision"] + ":" + ",".join(y["reasons"])]
    elif kind == "burn":
        numbers = [x["threshold_ms"], x["allowed_bad_fraction"], y["burn_rate"],
                   len(x["latencies_ms"])] + x["latencies_ms"]
        tail = []
    else:
        numbers = [x["old"][k] for k in PERIOD] + [x["new"][k] for k in PERIOD]
        numbers += [x["tolerance"], y["old_unit_cost"], y["new_unit_cost"],
                    y["relative_delta"]]
        tail = [("yes" if y["regressed"] else "no") + ":" + ",".join(y["drivers"])]
    return " ".join([kind] + [float(v).hex() for v in numbers] + tail)


def check_commands(binary, n, seed):
    r = random.Random(seed)
    for i in range(n):
        for kind, make in MAKERS.items():
            x = make(r)
            with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as f:
                json.dump(x, f)
            ran = subprocess.run([binary, "lab", kind, "--json", f.name],
                                 capture_output=True, text=True)
            os.unlink(f.name)
            wanted = results(kind, x)
            no = wanted.get("decision", "continue") != "continue" or \
                wanted.get("regressed", False)
            if json.loads(ran.stdout or "null") != wanted or ran.returncode != no:
                print(f"case {i} of lab {kind}: {json.dumps(x)}\n wanted {wanted}\n"
                      f" got {ran.stdout}{ran.stderr} exit {ran.returncode}")
                return 1
    print(f"{3 * n} files: equal to the reference")
    return 0


def main():
    if sys.argv[1] == "commands":
        return check_commands(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    r = random.Random(int(sys.argv[3]))
    for _ in range(int(sys.argv[2])):
        for kind, make in MAKERS.items():
            print(row(kind, make(r)))
    return 0


sys.exit(main())

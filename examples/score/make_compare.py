#!/usr/bin/env python3
"""Writes compare-a.jsonl and compare-b.jsonl beside itself: two made-up recognisers.

36 speakers say 10 commands each, two of them in the street. A speaker has an error rate
of his own (lognormal). B makes 0.55 times A's errors indoors and 1.5 times in the street,
and shares half of them with A. The seed is fixed: the files are always the same.
"""
import json
import os
import random

VERBS = ["turn on", "turn off", "open", "close", "find", "call", "play", "stop"]
THINGS = ["the kitchen light", "the radio", "my sister", "the garage door",
          "the news of today", "the next appointment", "the small lamp", "the heating"]
ENDS = ["", " please", " at half past seven", " in the living room", " again", " for me"]
OTHERS = ["a", "and", "it", "light", "door", "lamp", "seven", "pass", "knees", "sister's"]


def heard(words, errors):
    """The words with those errors: [(place, kind)]."""
    kinds = dict(errors)
    out = []
    for i, word in enumerate(words):
        kind = kinds.get(i)
        if kind == "insert":
            out.append(OTHERS[i % len(OTHERS)])
        if kind == "substitute":
            out.append(OTHERS[(i * 7 + len(word)) % len(OTHERS)])
        elif kind != "delete":
            out.append(word)
    return " ".join(out)


def draw(rng, n, rate):
    kinds = ["substitute", "substitute", "delete", "insert"]
    return [(i, rng.choice(kinds)) for i in range(n) if rng.random() < rate]


def main():
    rng = random.Random(20)
    folder = os.path.dirname(os.path.abspath(__file__))
    files = [open(os.path.join(folder, f"compare-{side}.jsonl"), "w") for side in "ab"]
    for speaker in range(36):
        own = 0.09 * rng.lognormvariate(0, 0.5)
        device = ["phone", "speaker", "car"][speaker % 3]
        for utterance in range(10):
            street = utterance % 5 == 1
            rate = min(0.5, own * (1.6 if street else 1.0))
            factor = 1.5 if street else 0.55
            ref = rng.choice(VERBS) + " " + rng.choice(THINGS) + rng.choice(ENDS)
            words = ref.split()
            both = 0.5 * rate * min(1, factor)
            common = draw(rng, len(words), both)
            for f, mean in zip(files, (rate, min(0.7, rate * factor))):
                errors = draw(rng, len(words), mean - both) + common
                json.dump({"id": f"s{speaker:02}-{utterance}", "speaker": f"s{speaker:02}",
                           "noise": "street" if street else "quiet", "device": device,
                           "ref": ref, "hyp": heard(words, errors)}, f)
                f.write("\n")
    for f in files:
        f.close()


main()

"""Fit a line to noisy points by gradient descent. A script like any other: it reads arguments, prints, and writes a file."""

import argparse
import json
import random
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--momentum", type=float, default=0.0, help="share of the last step that goes into the next one")
parser.add_argument("--steps", type=int, default=50)
parser.add_argument("--seed", type=int, default=0, help="of the noise")
arguments = parser.parse_args()

noise = random.Random(arguments.seed)
points = [(x / 100, 3 * x / 100 - 1 + noise.gauss(0, 0.1)) for x in range(-100, 101)]
slope = intercept = slope_step = intercept_step = 0.0

for step in range(arguments.steps):
    errors = [(x, slope * x + intercept - y) for x, y in points]
    print(f"loss: {sum(error**2 for _, error in errors) / len(errors):.6g} (step {step})")
    slope_step = arguments.momentum * slope_step - arguments.lr * sum(2 * x * error for x, error in errors) / len(errors)
    intercept_step = arguments.momentum * intercept_step - arguments.lr * sum(2 * error for _, error in errors) / len(errors)
    slope, intercept = slope + slope_step, intercept + intercept_step

Path("outputs").mkdir(exist_ok=True)
Path("outputs/model.json").write_text(json.dumps({"slope": slope, "intercept": intercept}) + "\n")
print(f"y = {slope:.3f} x + {intercept:.3f}")

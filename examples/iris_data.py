"""Write scikit-learn's own copy of the iris measurements as CSV. Usage: python -m examples.iris_data FILE"""

import csv
import sys
from pathlib import Path

from sklearn.datasets import load_iris


def write(file: Path) -> None:
    """One line per flower: four lengths in cm and the species. The bytes depend on nothing but the measurements."""
    iris = load_iris()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow([*iris.feature_names, "species"])
        for measured, species in zip(iris.data.tolist(), iris.target, strict=True):
            writer.writerow([*measured, iris.target_names[species]])


if __name__ == "__main__":
    write(Path(sys.argv[1]))

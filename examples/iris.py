"""Train a classifier on the iris measurements; which one tells the three species apart best?

The step is a plain function: it takes what the experiment provides under the names of its parameters and returns its fields.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from hydra.utils import instantiate
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split

ROOT = Path(__file__).parents[1]


def train(model: dict[str, Any], measurements: Path, split: int, test_size: float) -> dict[str, float]:
    """Fit the classifier to one part of the flowers and score it on the rest.

    Args:
        model: the classifier, as a `_target_` node of conf/model/.
        measurements: CSV file with one flower a line, its species last.
        split: number of the random split into training and test flowers; every classifier sees the same splits.
        test_size: share of the flowers that is kept for the test.
    """
    flowers = pd.read_csv(ROOT / measurements)
    lengths, species = flowers.drop(columns="species"), flowers["species"]
    train_lengths, test_lengths, train_species, test_species = train_test_split(
        lengths, species, test_size=test_size, random_state=split, stratify=species
    )
    predicted = instantiate(model).fit(train_lengths, train_species).predict(test_lengths)
    return {
        "accuracy": accuracy_score(test_species, predicted),
        "f1": f1_score(test_species, predicted, average="macro"),
        "tested": len(test_species),
    }

"""Train a neural network to read handwritten digits, one epoch after the other; which learning rate, and how many neurons?

The digits, 1,797 images of 8 x 8 pixels, come with scikit-learn. Whatever is worth a look is logged while the network learns.
"""

from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

if TYPE_CHECKING:
    from runner.run import Run

DIGITS = range(10)
CELL = 24
"""Pixels from one digit to the next in the image of the confusion matrix."""


def train(run: "Run") -> None:
    """Train a network of one hidden layer; log each epoch, then the mistakes that are left, and keep the network.

    Args:
        lr: learning rate of the optimiser, Adam.
        hidden: neurons of the hidden layer.
        epochs: how often the network sees every training image.
        batch: training images that one step of the optimiser looks at.
        test_size: share of the images that the network never sees; its accuracy is measured on them.
        split: number of the random split into images that it sees and does not see; the same for every network.
    """
    epochs, batch = run.kwargs.epochs, run.kwargs.batch
    images, digits = load_digits(return_X_y=True)
    x, val_x, y, val_y = train_test_split(
        images / 16, digits, test_size=run.kwargs.test_size, random_state=run.kwargs.split, stratify=digits
    )
    network = MLPClassifier((run.params.hidden,), learning_rate_init=run.params.lr, batch_size=batch, random_state=run.seed)

    for epoch in range(epochs):
        network.partial_fit(x, y, classes=DIGITS)
        accuracy = network.score(val_x, val_y)
        run.log_metrics({"loss": network.loss_, "val/acc": accuracy}, step=epoch)
        run.progress((epoch + 1) / epochs, f"accuracy {accuracy:.3f}")

    run.log_param("weights", sum(layer.size for layer in [*network.coefs_, *network.intercepts_]))
    joblib.dump(network, run.dir / "network.joblib")
    run.log_artifact(run.dir / "network.joblib")
    keep_mistakes(run, confusion_matrix(val_y, network.predict(val_x), labels=DIGITS))


def keep_mistakes(run: "Run", confusion: "np.ndarray[Any, Any]") -> None:
    """Keep a confusion matrix as a table and as an image, and the number of mistakes in it as a field.

    Args:
        run: the run that keeps them.
        confusion: numbers of images; a row for each digit, a column for what it was read as.
    """
    digit, read_as = np.indices(confusion.shape)
    run.log_table("confusion", {"digit": digit.ravel(), "read_as": read_as.ravel(), "images": confusion.ravel()})
    shares = confusion / confusion.sum(axis=1, keepdims=True)
    darkness = np.sqrt(shares).repeat(CELL, axis=0).repeat(CELL, axis=1)  # the root, so that a single mistake can be seen
    run.log_image("confusion", 1 - darkness)
    run.fields.mistakes = int(confusion.sum() - confusion.trace())

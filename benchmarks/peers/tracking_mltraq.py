"""RUNS runs in MLtraq, each with a list of VALUES floats, persisted. Usage: tracking_mltraq.py RUNS VALUES FOLDER"""

import sys

import mltraq  # type: ignore[import-not-found]

if __name__ == "__main__":
    runs, values, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    session = mltraq.create_session(f"sqlite:///{folder}/values.db")
    with mltraq.options().ctx({"tqdm.disable": True}):
        experiment = session.create_experiment()
        for _ in range(runs):
            with experiment.run() as run:
                run.fields.value = []
                for _ in range(values):
                    run.fields.value.append(123.45)
        experiment.persist()

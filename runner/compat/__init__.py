"""Code that logs to MLflow, Azure ML (SDK v1) or Tracelet runs on xrun when its import line is changed.

    import runner.compat.mlflow as mlflow
    from runner.compat.azureml import Experiment, Run
    from runner.compat import tracelet

Inside a step, or a script that a step has started, all that is logged is that run's. Anywhere else a run is recorded in the workspace of
the project around the working directory (`runner.recorder`), so that `xrun ls`, `xrun show` and `xrun metrics` know it.
"""

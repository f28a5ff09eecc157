"""Where results come from: git, the data and the environment. The one door to GitPython and DVC.

    git.state(root)                 the repository as it is now, with a patch of what is not committed
    data.states(root, entries)      every entry of `data:` beside what DVC recorded of it
    environment.provenance(...)     both of them, and the machine, as one record.Provenance

`patch` is a part of git; `recorded`, `objects` and `hashing` are parts of data. GitPython and DVC are imported inside functions,
because start-up is a feature: without `data:` no line of DVC is read.
"""

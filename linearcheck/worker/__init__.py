"""The worker: a process that imports torch once and checks each model apart from everything else.

`client` and `pool` are the front's side and import without torch; `start`, `serve_*`, `checking` and `isolation` run in the worker.
"""

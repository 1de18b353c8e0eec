"""``riskmodel VERB``: one module a verb, each with ``HELP``, ``add_arguments`` and ``run``.

A verb's module is read whenever the command line starts, so it imports what it needs only when it runs.
"""

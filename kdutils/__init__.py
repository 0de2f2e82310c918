"""Helper package of the knowledge-distillation notebooks.

Imports point one way::

    data  models  losses  metrics        know nothing of each other
      └── objectives                     one callable per method
            └── training                 one loop for every method
                  └── checkpoints        weights on disk, verified
                        └── recipes      the runs behind each notebook
                              └── reproduce   the command that makes the numbers

``plotting`` and ``widgets`` sit aside; ``publish`` re-runs notebooks and fills the README.
"""

__version__ = "0.1.0"

"""Helper package of the knowledge-distillation notebooks.

Imports point one way::

    data models losses metrics files    know nothing of each other
      transfer                       what of the training data a student is shown
      objectives                     one callable per method
        training                     one loop for every method; its state on disk: snapshots
          checkpoints                weights on disk, verified
            recipes                  the runs behind each notebook
              records                the table of finished runs
              runs                   a recipe and a seed become a net and a row
                reproduce            the command that makes the numbers

``download`` (behind ``python -m kdutils.data``), ``plotting`` and ``widgets`` sit aside;
``publish`` re-runs the notebooks and fills the README.
"""

__version__ = "0.1.0"

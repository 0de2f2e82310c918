"""Helper package of the knowledge-distillation notebooks.

Imports point one way::

    augment data losses metrics files quantize  know nothing of each other
    models                           the nets; behind it layers, convnets, composites
      transfer                       what of the training data a student is shown
      objectives                     one callable per method; homework: the four of notebook 08
        training                     one loop for every method; its state on disk: snapshots
          checkpoints                weights on disk, verified
            recipe                   all choices of one run
              recipes                the runs behind each notebook: recipes_mnist, …_cifar10
                records              the table of finished runs
                runs                 a recipe and a seed become a net and a row; with reports
                  reproduce          the command that makes the numbers

``download`` (behind ``python -m kdutils.data``), ``street_digits``, ``plotting`` and
``widgets`` sit aside; ``publish`` re-runs the notebooks and fills the README.
"""

__version__ = "0.1.0"

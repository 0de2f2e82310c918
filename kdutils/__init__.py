"""Helper package of the knowledge-distillation notebooks.

Rooms, from what a lesson needs to what makes its numbers::

    losses objectives homework transfer quantize teachers specialists
                                                             what a method asks of a student
    checks                                                   what a number and a tensor must be
    training snapshots                                       one loop, and its exact resume
    metrics cost evidence          what is measured, what it costs, how sure we are
    checkpoints files              weights on disk
    data/                          load, splits, street_digits, letters, augment, prepared,
                                   download
    models/                        create, convnets, layers, composites, starts
      experiments/                 recipe, methods, runs, records, table, reports,
                                   and one n<NN>_<stem>.py per notebook: its runs
        reproduce publish bench    the commands: make the numbers, refill the pages, measure speed
        workers                    who makes the runs: this process, others, a cluster

Imports point from a room to those above it, never back and never in a circle: lessons know
nothing of experiments, experiments nothing of the commands. ``look``, ``plotting`` and
``widgets`` (pictures, tables and sliders) sit aside, for notebooks to use.
"""

import os
import sys

# OpenMP's threads spin while they wait for each other unless told to sleep. Where a neighbour
# process keeps a core busy, spinning makes a live cell several times slower. OpenMP reads this
# once, when torch is loaded, so later it would come too late.
if "torch" not in sys.modules:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"

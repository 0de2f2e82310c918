"""Settings of nbval: figures' and tables' HTML and the kernel's stderr are not compared."""


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "stderr")


def pytest_collection_modifyitems(items):
    for item in items:
        if hasattr(item, "output_timeout"):  # nbval has no option for its five seconds
            item.output_timeout = 600

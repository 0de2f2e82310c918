"""Settings of nbval: figures' and tables' HTML and the kernel's stderr are not compared."""


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "stderr")

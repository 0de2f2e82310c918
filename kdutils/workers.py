"""Who makes the runs: this process, processes beside it, or a Dask cluster.

Each pool takes calls as an executor does, with ``submit(function, *arguments) -> Future``, says
with ``slots()`` how many it can work on at present, and names in ``deaths`` the errors of a call
whose worker was killed.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from queue import SimpleQueue

from joblib.externals.loky import ProcessPoolExecutor

from kdutils import checks

ONE_THREAD = dict.fromkeys(
    ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"], "1"
)


class Here:
    """This process, one call at a time, where a debugger can follow it."""

    deaths = ()

    def slots(self) -> int:
        return 1

    def submit(self, function: Callable, *arguments: object) -> Future:
        future = Future()
        future.set_result(function(*arguments))
        return future


class Processes:
    """Processes of one thread each, each in a pool of its own: its death ends one call only.

    A process that was killed is replaced when its turn comes, so at most once for every call.
    """

    deaths = (BrokenExecutor,)

    def __init__(self, count: int) -> None:
        self._count, self._idle = count, SimpleQueue()
        self._latest = {}  # process -> its latest call
        for _ in range(count):
            self._idle.put(None)

    def slots(self) -> int:
        return self._count

    def submit(self, function: Callable, *arguments: object) -> Future:
        process = self._idle.get() or _start()
        try:
            future = process.submit(function, *arguments)
        except BrokenExecutor:  # killed while it had nothing to do
            process = _start()
            future = process.submit(function, *arguments)
        self._latest[process] = future

        def release(done: Future) -> None:
            died = done.cancelled() or isinstance(done.exception(), BrokenExecutor)
            self._idle.put(None if died else process)

        future.add_done_callback(release)
        return future

    def close(self) -> None:
        for process, call in self._latest.items():
            # Killed, a process leaves semaphores behind, of which Python warns.
            process.shutdown(kill_workers=not call.done())


def _start() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, env=ONE_THREAD)


class Cluster:
    """The workers of a Dask cluster, as many as there are from moment to moment."""

    def __init__(self, client) -> None:
        from distributed import KilledWorker

        self.deaths, self._client = (KilledWorker,), client
        self.submit = client.get_executor(pure=False).submit

    def slots(self) -> int:
        try:
            return sum(self._client.nthreads().values())
        except OSError:  # not even a scheduler
            return 0


Pool = Here | Processes | Cluster


@contextmanager
def open_pool(backend: str, workers: int, scheduler: str | None = None) -> Iterator[Pool]:
    """Yield the pool of a backend; leaving it ends what is still running.

    Args:
        backend: ``loky`` (this machine; one worker is this process) or ``dask``.
        workers: processes of one thread each.
        scheduler: address of the Dask scheduler; a local cluster if None.

    Raises:
        ValueError: unknown backend.
    """
    checks.one_of("backend", backend, ["loky", "dask"])
    if backend == "dask":
        from distributed import Client

        options = {} if scheduler else {"n_workers": workers, "threads_per_worker": 1}
        with Client(scheduler, **options) as client:
            yield Cluster(client)
    elif workers == 1:
        yield Here()
    else:
        pool = Processes(workers)
        try:
            yield pool
        finally:
            pool.close()

import os
import subprocess
import sys
import time

import pytest

from kdutils.workers import Here, Processes, open_pool


@pytest.fixture
def processes():
    # They are asked for functions of the standard library only, which spares them torch.
    with open_pool("loky", 2) as pool:
        yield pool


def test_the_death_of_a_process_ends_its_own_call_only(processes):
    other = processes.submit(time.sleep, 0.5)
    for _ in range(2):
        with pytest.raises(processes.deaths):
            processes.submit(os._exit, 9).result()
    assert other.result() is None
    calls = [processes.submit(abs, -number) for number in range(4)]
    assert [call.result() for call in calls] == [0, 1, 2, 3]
    assert processes.slots() == 2 and isinstance(processes, Processes)


def test_a_process_killed_while_it_has_nothing_to_do_is_replaced(processes):
    pids = {processes.submit(os.getpid).result() for _ in range(2)}
    for pid in pids:
        os.kill(pid, 9)
    for pool in processes._latest:
        while not pool._flags.broken:
            time.sleep(0.01)
    assert {processes.submit(os.getpid).result() for _ in range(2)}.isdisjoint(pids)


def test_processes_work_with_one_thread_each_and_a_single_worker_is_this_process(processes):
    assert processes.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
    with open_pool("loky", 1) as pool:
        assert isinstance(pool, Here) and pool.submit(os.getpid).result() == os.getpid()


def test_leaving_the_pool_ends_what_is_still_running():
    start = time.monotonic()
    with open_pool("loky", 2) as pool:
        pool.submit(time.sleep, 600)
        pool.submit(abs, -1).result()
    assert time.monotonic() - start < 300


def test_processes_that_are_done_leave_nothing_to_warn_of():
    # A progress bar holds such a lock.
    held = "import multiprocessing; multiprocessing.held = multiprocessing.RLock()"
    ended = f"""
from kdutils.workers import open_pool
if __name__ == "__main__":
    with open_pool("loky", 2) as pool:
        for call in [pool.submit(exec, "{held}"), pool.submit(exec, "{held}")]:
            call.result()
"""
    done = subprocess.run([sys.executable, "-c", ended], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

"""What a benchmark reads of processes is read while they work."""

import os
import subprocess
import sys
import threading

from bench.instance import children_of, processor_seconds


def test_threads_may_end_while_the_children_of_a_process_are_read():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        for _ in range(300):
            threads = [threading.Thread(target=lambda: None) for _ in range(8)]
            for one in threads:
                one.start()
            assert child.pid in children_of(os.getpid())
            assert min(processor_seconds(os.getpid())) >= 0
            for one in threads:
                one.join()
    finally:
        child.communicate(b"\n")

import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys
if sys.argv[1] == "prepared":
    from nasdip.process import prepare
    prepare()
import torch

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

tensor = torch.zeros(2**23)
for _ in range(20):  # the heap settles
    tensor.clone()
before = faults()
for _ in range(10):
    tensor.clone()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives every large tensor back to the system")
def test_a_prepared_process_keeps_its_memory():
    def faults(word):
        done = subprocess.run([sys.executable, "-c", CODE, word], capture_output=True, text=True, check=True)
        return int(done.stdout)

    pages = 2**23 * 4 // 4096
    assert faults("prepared") < pages / 10
    assert faults("plain") > pages / 10

import platform

import pytest

CODE = """
import ctypes, resource
import torch
from nasdip.process import prepare

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def faults_of_ten_copies():
    tensor = torch.zeros(2**23)
    for _ in range(20):  # the heap settles
        tensor.clone()
    before = faults()
    for _ in range(10):
        tensor.clone()
    return faults() - before

libc = ctypes.CDLL(None)
libc.mallopt(-4, 65536)  # M_MMAP_MAX and M_TRIM_THRESHOLD as glibc has them: this process was prepared
libc.mallopt(-1, 2**17)
plain = faults_of_ten_copies()
prepare()
print(plain, faults_of_ten_copies())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives every large tensor back to the system")
def test_a_prepared_process_keeps_its_memory(warm):
    with warm.start(CODE) as child:
        plain, prepared = map(int, child.stdout.read().split())
    pages = 2**23 * 4 // 4096
    assert prepared < pages / 10 < plain

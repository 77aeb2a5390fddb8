"""A single process is a process group of one."""

import signal

import torch

from dlcx.stopping import StopRequest
from dlcx.training.process_group import ProcessGroup


def test_a_single_process_keeps_everything():
    group = ProcessGroup()
    assert (group.rank, group.count, group.is_main) == (0, 1, True)
    assert list(group.shard([3, 4, 5])) == group.all_gather([3, 4, 5]) == [3, 4, 5]
    values = torch.tensor([1.0, 2.0])
    assert group.all_reduce_mean(values).tolist() == group.all_reduce_sum(values).tolist() == [1, 2]
    assert group.all_reduce_max([4, 2]) == (4, 2)
    assert group.broadcast("found") == "found"
    assert group.device("cuda:1", preferred="cpu") == "cuda:1"


def test_shards_of_several_processes_are_disjoint_and_complete():
    shards = []
    for rank in range(3):
        group = ProcessGroup()
        group.rank, group.count = rank, 3
        assert group.is_main == (rank == 0)
        shards.append(list(group.shard(range(8))))
    assert shards == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_a_signal_requests_a_stop():
    stop = StopRequest()
    assert not ProcessGroup().stop_requested(stop)
    stop.note(signal.SIGTERM, None)
    assert ProcessGroup().stop_requested(stop)

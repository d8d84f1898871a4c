"""CUDA idioms on a machine without CUDA: each runs, and everything is as before when the context ends."""

import pytest
import torch
from torch import nn

from linearcheck.load.devices import absent_devices, rewriting_devices

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")

IDIOMS = {
    "cuda": lambda: torch.zeros(2).cuda(),
    "to": lambda: torch.zeros(2).to("cuda:0", non_blocking=True),
    "device": lambda: torch.zeros(2, device=torch.device("cuda")),
    "module": lambda: nn.Linear(2, 2).cuda(),
    "module to": lambda: nn.Linear(2, 2).to("cuda"),
    "type": lambda: torch.zeros(2).type("torch.cuda.FloatTensor"),
    "pin_memory": lambda: torch.zeros(2).pin_memory(),
    "pin_memory=True": lambda: torch.zeros(2, pin_memory=True),
    "FloatTensor": lambda: torch.cuda.FloatTensor([1.0]),
    "LongTensor": lambda: torch.cuda.LongTensor([1]),
    "current_device": lambda: torch.cuda.current_device(),
    "set_device": lambda: torch.cuda.set_device(0),
    "Stream": lambda: torch.cuda.Stream(),
    "stream": lambda: torch.cuda.stream(torch.cuda.Stream()).__enter__(),
    "Event": lambda: torch.cuda.Event(enable_timing=True).record(),
    "device context": lambda: torch.cuda.device(0).__enter__(),
    "Generator": lambda: torch.Generator(device="cuda").manual_seed(3),
    "synchronize": lambda: torch.cuda.synchronize(),
    "get_device_name": lambda: torch.cuda.get_device_name(0),
    "get_device_properties": lambda: torch.cuda.get_device_properties(0).total_memory,
    "get_device_capability": lambda: torch.cuda.get_device_capability()[0],
    "manual_seed_all": lambda: torch.cuda.manual_seed_all(3),
    "rng_state": lambda: torch.cuda.set_rng_state(torch.cuda.get_rng_state()),
    "nvtx": lambda: torch.cuda.nvtx.range_push("x"),
    "autocast": lambda: torch.cuda.amp.autocast().__enter__(),
    "torch.autocast": lambda: torch.autocast("cuda", dtype=torch.float16).__enter__(),
    "GradScaler": lambda: torch.amp.GradScaler("cuda"),
    "DataParallel": lambda: nn.DataParallel(nn.Linear(2, 2), device_ids=[0, 1]).cuda()(torch.zeros(1, 2)),
    "DDP": lambda: nn.parallel.DistributedDataParallel(nn.Linear(2, 2), device_ids=[0])(torch.zeros(1, 2)),
    "SyncBatchNorm": lambda: nn.SyncBatchNorm(3)(torch.zeros(2, 3, 4, 4)),
    "convert_sync_batchnorm": lambda: nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm2d(3))(torch.zeros(2, 3, 4, 4)),
    "init_process_group": lambda: torch.distributed.init_process_group("nccl"),
    "get_rank": lambda: torch.distributed.get_rank() + torch.distributed.get_world_size(),
    "pretrained": lambda: nn.Linear(2, 2).load_state_dict(torch.hub.load_state_dict_from_url("https://nowhere.invalid/x.pth")),
    "mps": lambda: torch.mps.empty_cache(),
    "record_stream": lambda: torch.zeros(2).record_stream(torch.cuda.current_stream()),
}


@pytest.mark.parametrize("idiom", IDIOMS)
@pytest.mark.filterwarnings("ignore")
def test_an_idiom_runs_without_cuda(idiom: str) -> None:
    with absent_devices(), rewriting_devices():
        result = IDIOMS[idiom]()
    if isinstance(result, torch.Tensor):
        assert result.device.type == "cpu"


def test_a_default_device_that_is_not_there() -> None:
    try:
        with absent_devices():
            torch.set_default_device("cuda")
            assert torch.zeros(2).device.type == "cpu"
    finally:
        torch.set_default_device(None)


def test_everything_is_put_back() -> None:
    names = [(torch.cuda, "Stream"), (torch.cuda, "set_device"), (torch, "Generator"), (nn, "DataParallel"), (nn.Module, "load_state_dict")]
    before = [getattr(owner, name) for owner, name in names]
    with absent_devices():
        assert [getattr(owner, name) for owner, name in names] != before
    assert [getattr(owner, name) for owner, name in names] == before
    with pytest.raises(ZeroDivisionError), absent_devices():
        _ = 1 / 0
    assert [getattr(owner, name) for owner, name in names] == before


def test_the_default_type_of_tensors_stays_a_real_one() -> None:
    with absent_devices():
        torch.set_default_tensor_type("torch.cuda.FloatTensor")
        torch.set_default_tensor_type(torch.cuda.FloatTensor)
        assert torch.zeros(2).device.type == "cpu"


def test_generators_are_still_generators() -> None:
    with absent_devices():
        assert isinstance(torch.Generator(), torch.Generator)
        assert isinstance(torch.default_generator, torch.Generator)


def test_wrappers_hold_the_model_under_module() -> None:
    with absent_devices():
        wrapped = nn.DataParallel(nn.Linear(2, 3))
        assert isinstance(wrapped, nn.DataParallel)
        assert list(wrapped.state_dict()) == ["module.weight", "module.bias"]

"""The ranks of a run: one process, or those that torchrun started."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from bertdata.errors import OptionError


@dataclass(frozen=True)
class World:
    """This process among `size` others, and the device that it computes on."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes files and speaks."""
        return self.rank == 0

    def sum(self, values: list[float]) -> list[float]:
        """Return the sums of numbers over all ranks, in double precision."""
        if self.size == 1:
            return values
        # Metal has no doubles, and gloo no other device than the CPU: the sums are a few numbers.
        device = self.device if self.device.type == "cuda" else torch.device("cpu")
        total = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(total)
        return [float(x) for x in total.tolist()]

    def gather(self, value: Any) -> list[Any]:
        """Return every rank's value, in the order of ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Wait until every rank is here."""
        if self.size > 1:
            dist.barrier()


def choose_device(name: str) -> torch.device:
    """Return the device called `name`; `auto` takes a GPU where there is one.

    Raises OptionError where it isn't there.
    """
    local_rank = int(os.environ.get("LOCAL_RANK", 0))
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        if not torch.cuda.is_available():
            raise OptionError(
                "--device cuda: torch sees no GPU; use --device cpu, or a torch built for this GPU's driver"
            )
        torch.cuda.set_device(local_rank)
        return torch.device("cuda", local_rank)
    try:
        return torch.device(name)
    except RuntimeError:
        raise OptionError(f"--device {name!r} is unknown; known are auto, cpu, cuda") from None


@contextlib.contextmanager
def join_world(device_name: str) -> Iterator[World]:
    """Join the ranks that torchrun started (RANK and WORLD_SIZE are set), or be alone; leave them at the end."""
    device = choose_device(device_name)
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield World(0, 1, device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()


def spread(model: nn.Module, world: World, parallel: str) -> nn.Module:
    """Return the model as the ranks share it: copied (`ddp`) or sharded (`fsdp`, FSDP2); alone, as it is."""
    if world.size == 1:
        return model
    if parallel == "fsdp":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(world.device.type, (world.size,))
        for layer in model.bert.encoder.layer:  # type: ignore[union-attr]
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
        return model
    return nn.parallel.DistributedDataParallel(model)


@contextlib.contextmanager
def synchronised(model: nn.Module, sync: bool) -> Iterator[None]:
    """Add gradients up over ranks in this block's backward pass only where `sync`: once a step, at its last part."""
    if isinstance(model, nn.parallel.DistributedDataParallel) and not sync:
        with model.no_sync():
            yield
        return
    set_sync = getattr(model, "set_requires_gradient_sync", None)
    if set_sync:
        set_sync(sync)
    yield


def full_state(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return named tensors whole and on the CPU; every rank has to call it."""
    gathered = {}
    for name, tensor in tensors.items():
        full = getattr(tensor, "full_tensor", None)
        gathered[name] = (full() if full else tensor).detach().cpu()
    return gathered


def fill(target: Tensor, source: Tensor) -> None:
    """Copy a whole tensor into one that may be spread over ranks."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(target, DTensor):
        source = distribute_tensor(source.to(target.device), target.device_mesh, target.placements)
    with torch.no_grad():
        target.copy_(source)

"""The number format of a run: what the hardware does fast, and how fast at most."""

from __future__ import annotations

import torch

from bertdata.errors import OptionError

# Dense bf16 peaks in FLOP/s, from the makers' data sheets.
_PEAKS = {
    "A100": 312e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "B200": 2250e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "A10": 125e12,
    "A40": 150e12,
    "A6000": 155e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}


def supports_bf16(device: torch.device) -> bool:
    """Tell whether bf16 products are done in hardware; without that they were 11 times slower than fp32 on a CPU."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return any(
            bool(getattr(torch.cpu, name, bool)()) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        )
    return False


def choose_precision(wanted: str, device: torch.device) -> tuple[torch.dtype, str]:
    """Return the format of matrix products and a sentence that says which and why; weights stay fp32.

    Raises OptionError for bf16 on hardware without it.
    """
    supported = supports_bf16(device)
    if wanted == "bf16" and not supported:
        raise OptionError(f"--precision bf16: this {device.type} has no bf16 arithmetic, it would be many times slower")
    if wanted == "bf16" or (wanted == "auto" and supported):
        return torch.bfloat16, "bf16 products, fp32 weights" + (" (the hardware has bf16)" if wanted == "auto" else "")
    why = f" (this {device.type} has no bf16 arithmetic)" if wanted == "auto" else ""
    return torch.float32, f"fp32{why}"


def peak_flops(device: torch.device, precision: torch.dtype) -> float | None:
    """Return the device's peak in FLOP/s where it is known."""
    if device.type != "cuda" or precision != torch.bfloat16:
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in _PEAKS.items() if part in name), None)

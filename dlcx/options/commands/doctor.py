"""Options of ``dlcx doctor``."""

from dataclasses import dataclass

from dlcx.options.base import Options


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(Options):
    """Show versions, devices, threads, codecs and extras of this machine, and what is slow, missing or broken."""

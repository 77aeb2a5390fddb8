"""Poses of a video that is being analyzed, safe on the disk chunk by chunk, before they are linked."""

from dlcx.store.chunks import ChunkStore, StoredFrames, check_settings, inspect_store, open_store, read_store

__all__ = ["ChunkStore", "StoredFrames", "check_settings", "inspect_store", "open_store", "read_store"]

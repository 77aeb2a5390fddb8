"""The chunk store: poses of a video before tracking, saved chunk by chunk so that an analysis can be resumed."""

from dlcx.store.chunks import ChunkStore, StoredFrames, inspect_store, open_store, read_store
from dlcx.store.settings_check import check_settings

__all__ = ["ChunkStore", "StoredFrames", "check_settings", "inspect_store", "open_store", "read_store"]

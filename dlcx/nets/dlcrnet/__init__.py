"""DLCRNet: a ResNet with finer features beside its last."""
